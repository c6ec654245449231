"""A sweep asks for what is own in the right order, through a socket that shows nothing else."""

import json

from rows import for_each

from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import NONCE, OWNER
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.steps import Ask
from dockerproxy.tenancy.sweeps import Swept, find_obstacle, sweep


def policy_of(allow: str, more: str = "") -> CompiledPolicy:
    text = f"sockets: {{ci: {{path: /ci.sock, {more} allow: [{allow}]}}}}"
    return read_policy(text, "policy.yaml").sockets[0].policy


@for_each(
    ("allow", "more", "obstacle"),
    [
        ("own", "", ""),
        ("own, ContainerList: {own: true}, ImageList", "", ""),
        ("ContainerStop: {own: true}", "", ""),
        ("ContainerList", "", "its clients own nothing that they create"),
        ("own, ContainerList", "", "its ContainerList also lists objects of others"),
        ("own, NetworkList: {networks: [web]}", "", ""),
        ("own, NetworkList, NetworkDelete: {networks: [web]}", "", "its NetworkList also lists objects of others"),
        ("own", "mode: report,", "in mode report, it also lists objects of others"),
        ("own", "mode: learn,", "in mode learn, it also lists objects of others"),
    ],
)
def test_a_socket_that_lists_more_than_what_is_own_is_not_swept(allow: str, more: str, obstacle: str) -> None:
    assert find_obstacle(policy_of(allow, more)) == obstacle


def test_an_engine_that_lists_nothing_is_told_unless_that_is_usual() -> None:
    told: list[Swept] = []
    steps, asked = sweep("ci", told.append), list[Ask]()
    ask = next(steps)
    for answer in ((503, b""), (500, b"x"), *[(503, b"")] * 2, (403, b'{"message":"no"}'), (200, b"[]")):
        asked.append(ask)
        try:
            ask = steps.send(answer)
        except StopIteration:
            break
    assert [each.target.partition("?")[0] for each in asked] == [
        "/services",
        "/containers/json",
        "/secrets",
        "/configs",
        "/networks",
        "/volumes",
    ]
    assert list(map(str, told)) == ["container of any name", "network of any name", "volume of any name"]
    assert [each.fault for each in told] == [
        "the engine answered 500",
        "no",
        "the engine's list is not as expected",
    ]


MINE = {OWNER: "ci", NONCE: "1"}
NETWORKS = [
    {"Id": "1f" * 32, "Name": "old\n" + "x" * 300, "Labels": MINE, "Created": "2001-09-09T01:46:40Z"},
    {"Id": "2e" * 32, "Name": "young", "Labels": MINE, "Created": "2038-01-19T03:14:08Z"},
    {"Id": "3d" * 32, "Name": "other", "Labels": {**MINE, OWNER: "x"}, "Created": "2001-09-09T01:46:40Z"},
    {"Id": "4c" * 32, "Labels": MINE, "Created": "2001-09-09T01:46:40Z"},
]


def removed(status: int, latest: float | None = None, *, is_dry: bool = False) -> tuple[list[str], list[Swept]]:
    """Sweep an engine that has nothing but networks; return what is removed, and what is told."""
    told: list[Swept] = []
    steps, asked = sweep("ci", told.append, latest, is_dry=is_dry), list[str]()
    ask = next(steps)
    while True:
        if ask.method == "DELETE":
            asked.append(ask.target)
        listed: object = NETWORKS if ask.target == "/networks" else {"Volumes": []} if ask.target == "/volumes" else []
        try:
            ask = steps.send((200, json.dumps(listed).encode()) if ask.method == "GET" else (status, b""))
        except StopIteration:
            return asked, told


def test_what_lacks_the_owner_or_is_younger_stays() -> None:
    assert removed(204)[0] == [f"/networks/{each * 32}" for each in ("2e", "4c", "1f")]
    assert removed(204, 2e9)[0] == [f"/networks/{each * 32}" for each in ("4c", "1f")]
    assert removed(204, is_dry=True)[0] == []


def test_each_is_told_by_a_name_that_fits_a_line() -> None:
    young, nameless, old = removed(404)[1]
    assert (old.name, young.name, nameless.name) == ("old\\n" + "x" * 195, "young", "4c" * 6)
    assert {each.fault for each in removed(404)[1]} == {""}
    assert {each.fault for each in removed(409)[1]} == {"the engine answered 409"}
    assert len(removed(409, is_dry=True)[1]) == 3


CONTAINERS = [
    {"Id": each * 32, "Created": created, "Labels": MINE} for each, created in (("1f", 7), ("2e", 7), ("3d", 9))
]


def swept(*answers: int) -> list[tuple[str, str]]:
    """Sweep an engine that has nothing but containers; return what is asked for but lists. These are answered first."""
    statuses = iter(answers)
    steps, asked = sweep("ci", lambda _: None), list[tuple[str, str]]()
    ask = next(steps)
    while True:
        if ask.method != "GET":
            asked.append((ask.method, ask.target))
        listed = CONTAINERS if ask.target.startswith("/containers/json") else []
        listed = {"Volumes": listed} if ask.target.startswith("/volumes") else listed  # type: ignore[assignment] # so it is
        try:
            status = 200 if ask.method == "GET" else next(statuses, 200)
            ask = steps.send((status, json.dumps(listed).encode()))
        except StopIteration:
            return asked


def test_what_is_newer_goes_first() -> None:
    """Of one second, what Podman lists last is."""
    order = [target[12:14] for method, target in swept() if method == "DELETE"]
    assert order == ["3d", "2e", "1f"]


def test_a_sweep_waits_for_no_container() -> None:
    path = f"/containers/{'3d' * 32}"
    assert swept()[:2] == [("POST", f"{path}/stop?t=0"), ("DELETE", f"{path}?force=1&v=1")]


def test_what_an_engine_removes_by_itself_is_waited_for() -> None:
    path = f"/containers/{'3d' * 32}"
    removal = ("DELETE", f"{path}?force=1&v=1")
    waits = [removal, ("POST", f"{path}/wait?condition=removed"), removal]
    assert swept(204, 409, 200, 404)[1:4] == waits
    assert len(swept(204, 409, 200, 409)) == len(swept()) + 2
