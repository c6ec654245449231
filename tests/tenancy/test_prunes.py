"""A prune is a list and removals; filters only narrow it, and what is not certain of them is denied."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import PLAIN, request_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import own_policy
from dockerproxy.policy.decide import decide, is_allowed
from dockerproxy.policy.judge import judge
from dockerproxy.policy.objects import KINDS, ResolvedObject
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.plans import remove
from dockerproxy.policy.stamps import NONCE, OWNER
from dockerproxy.policy.steps import Ask
from dockerproxy.tenancy.prunes import PRUNED, UNCLEAR, Filters, find_time, prune, read_filters, refuse_filters
from dockerproxy.views.answers import prune_own
from dockerproxy.views.lists import PRUNES

NOW = 1_700_000_000.0
POLICY = own_policy("ci")
REMOVING = sorted(name for name, (kind, _) in PRUNED.items() if kind is not None)


def filters_of(filters: object, target: str = "/containers/prune") -> Filters | None:
    text = filters if isinstance(filters, str) else json.dumps(filters)
    return read_filters(request_of("POST", f"{target}{'&' if '?' in target else '?'}filters={quote(text)}"), NOW)


@pytest.mark.parametrize(
    ("filters", "read"),
    [
        ("", Filters()),
        ({}, Filters()),
        ({"label": ["a", "b=c"]}, Filters(labels=("a", "b=c"))),
        ({"label": {"a": True}}, Filters(labels=("a",))),
        ({"label": {"a": True, "b=": True}}, Filters(labels=("a", "b="))),
        ({"until": ["24h"]}, Filters(latest=NOW - 86_400)),
        ({"until": {"1h2m3s": True}}, Filters(latest=NOW - 3723)),
        ({"until": ["1700000000"]}, Filters(latest=1_700_000_000)),
        ({"until": ["1700000000.5"]}, Filters(latest=1_700_000_000.5)),
        ({"until": ["2023-11-14T22:13:20Z"]}, Filters(latest=1_700_000_000)),
        ({"until": ["2023-11-14T23:13:20.123456789+01:00"]}, Filters(latest=1_700_000_000.123456)),
    ],
)
def test_a_filter_is_read_as_the_engine_reads_it(filters: object, read: Filters) -> None:
    assert filters_of(filters) == read


@pytest.mark.parametrize(
    ("target", "filters", "named"),
    [
        ("/volumes/prune", {}, False),
        ("/v1.41/volumes/prune", {}, True),
        ("/v1.42/volumes/prune", {}, False),
        *(("/v1.45/volumes/prune", {"all": [text]}, True) for text in ("1", "t", "T", "true", "True", "TRUE")),
        *(("/v1.45/volumes/prune", {"all": {text: True}}, False) for text in ("0", "f", "F", "false", "False")),
        ("/volumes/prune", {"all": ["true"]}, True),
    ],
)
def test_volumes_with_names_go_if_the_client_means_them(target: str, filters: object, named: bool) -> None:  # noqa: FBT001
    assert filters_of(filters, target) == Filters(named=named)


UNCLEAR_FILTERS: list[Any] = [
    *("{", "[]", '"text"', "null", '{"label":["a"],"label":["b"]}', '{"label":["\\ud800"]}'),
    *(
        {"label": each}
        for each in ("a", [], {}, None, [1], [""], [["a"]], {"a": False}, {"a": 1}, {"a": True, "b": False})
    ),
    *(
        {name: ["a"]}
        for name in ("Label", "labels", "label=", "name", "id", "status", "before", "all", "dangling", "label!", "")
    ),
    *({"until": [each]} for each in ("", " 1h", "1d", "1.5h", "-1h", "1h ", "h", "0x10", "1e9", "tomorrow", "\u0661h")),
    *({"until": [each]} for each in ("2023-11-14", "2023-11-14T22:13:20", "2023-13-14T22:13:20Z")),
    {"until": ["1h", "2h"]},
]


@pytest.mark.parametrize("filters", UNCLEAR_FILTERS)
def test_a_filter_that_cannot_be_honoured_is_denied(filters: object) -> None:
    for name in REMOVING:
        target = PLAIN[name].target
        text = filters if isinstance(filters, str) else json.dumps(filters)
        request = request_of("POST", f"{target}?filters={quote(text)}")
        assert refuse_filters(request) == UNCLEAR
        answer = decide(POLICY, request)
        assert not is_allowed(answer)
        assert answer.message == f"{name} denied: a filter of it {UNCLEAR}; leave that filter out"  # type: ignore[union-attr] # it is a decision


@pytest.mark.parametrize("query", ["filters={}&filters={}", "Filters={}", "filters={}&FILTERS={}"])
def test_filters_that_only_one_engine_reads_are_denied(query: str) -> None:
    assert not is_allowed(decide(POLICY, request_of("POST", f"/networks/prune?{query}")))


@pytest.mark.parametrize("all_", [["true", "false"], ["yes"], ["tRue"], [""]])
def test_whether_volumes_with_names_go_is_certain(all_: list[str]) -> None:
    assert filters_of({"all": all_}, "/v1.45/volumes/prune") is None


def test_before_1_42_the_filter_all_is_not_known() -> None:
    assert filters_of({"all": ["true"]}, "/v1.41/volumes/prune") is None


def test_every_prune_has_its_way_and_no_engine_gets_it() -> None:
    assert PRUNED.keys() == PRUNES
    for name in PRUNED:
        request = PLAIN[name]
        verdict = judge(POLICY, f"POST {request.target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert isinstance(verdict, Verdict)
        assert verdict.plan is prune_own
        assert verdict.to_engine.startswith(b"GET /")
        assert b"prune" not in verdict.to_engine


def test_a_grant_without_own_goes_to_the_engine_as_it_came() -> None:
    text = "sockets: {ci: {path: /ci.sock, allow: [own, VolumePrune]}}"
    policy = read_policy(text, "policy.yaml").sockets[0].policy
    verdict = judge(policy, b"POST /volumes/prune?filters=x HTTP/1.1\r\nhost: x\r\n\r\n")
    assert isinstance(verdict, Verdict)
    assert (verdict.plan, verdict.to_engine.split(b" ")[0]) == (remove, b"POST")


LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from(["", "1", "*"]))
TEXTS = st.lists(st.sampled_from(["a", "b", "a=", "a=1", "b=*", "*", "c"]), max_size=2).map(tuple)


@given(LABELS, TEXTS)
def test_labels_are_compared_as_texts_and_all_of_them_count(labels: dict[str, str], wanted: tuple[str, ...]) -> None:
    has = {*labels, *(f"{name}={value}" for name, value in labels.items())}
    found = ResolvedObject("1f", (), labels=labels)
    assert Filters(wanted).admits(found) == has.issuperset(wanted)


@pytest.mark.parametrize(
    ("document", "when"),
    [
        ({"created": 1_600_000_000}, 1_600_000_000),
        ({"created": "2020-09-13T12:26:40.123456789Z"}, 1_600_000_000.123456),
        ({"createdat": "2020-09-13T12:26:40Z"}, 1_600_000_000),
        ({"createdat": "once"}, 0),
        ({}, 0),
    ],
)
def test_when_something_was_created_is_read(document: dict[str, object], when: float) -> None:
    found = ResolvedObject("1f", (), document=document)
    assert find_time(found) == pytest.approx(when)
    assert Filters(latest=1_600_000_001).admits(found)
    assert not Filters(latest=-1).admits(found)
    assert Filters().admits(found)


def run(target: str, listed: object, status: int = 204) -> tuple[list[Ask], int, Any]:
    """Run a prune to its end; return what it asked for, and its answer."""
    steps, asked = prune(request_of("POST", target), NOW, "ci"), list[Ask]()
    ask = next(steps)
    while True:
        asked.append(ask)
        answer = (200, json.dumps(listed).encode()) if ask.method == "GET" else (status, b"")
        try:
            ask = steps.send(answer)
        except StopIteration as end:
            return asked, end.value[0], json.loads(end.value[1])


MINE = {OWNER: "ci", NONCE: "1"}
IDS = [f"{number:x}" * 64 for number in range(1, 6)]


def test_a_prune_asks_for_each_newest_first_and_forces_nothing() -> None:
    listed = [{"Id": each, "State": "exited", "Labels": MINE, "Created": at} for at, each in enumerate(IDS[:3])]
    listed.append({"Id": IDS[3], "State": "exited", "Labels": {**MINE, OWNER: "other"}})
    asked, status, answer = run("/v1.45/containers/prune", listed)
    assert asked == [
        Ask("GET", "/v1.45/containers/json?all=1"),
        *(Ask("DELETE", f"/v1.45/containers/{each}") for each in reversed(IDS[:3])),
    ]
    assert (status, answer) == (200, {"ContainersDeleted": IDS[2::-1], "SpaceReclaimed": 0})
    assert run("/containers/prune", listed, status=409)[2] == {"ContainersDeleted": [], "SpaceReclaimed": 0}


def test_of_volumes_only_plain_local_ones_go() -> None:
    volumes = [
        {"Name": "a", "Driver": "local", "Labels": MINE, "Options": None},
        {"Name": "b", "Driver": "nfs", "Labels": MINE},
        {"Name": "c", "Driver": "local", "Labels": MINE, "Options": {"type": "nfs"}},
        {"Name": "d", "Driver": "local", "Labels": {**MINE, "com.docker.volume.anonymous": ""}},
    ]
    assert run("/v1.41/volumes/prune", {"Volumes": volumes})[2]["VolumesDeleted"] == ["d", "a"]
    assert run("/v1.45/volumes/prune", {"Volumes": volumes})[2]["VolumesDeleted"] == ["d"]


def test_a_network_without_a_name_is_told_by_its_id() -> None:
    assert run("/networks/prune", [{"Id": "1f", "Labels": MINE}])[2] == {"NetworksDeleted": ["1f"]}


def test_prunes_of_images_and_build_cache_ask_nothing_and_answer_that_nothing_was_removed() -> None:
    for name, key in (("ImagePrune", "ImagesDeleted"), ("BuildPrune", "CachesDeleted")):
        for query in ("", "?filters={%22dangling%22:[%22false%22]}", "?filters=x&dryrun=true", "?all=1&keep-storage=0"):
            request = request_of("POST", f"{PLAIN[name].target}{query}")
            assert is_allowed(decide(POLICY, request))
            with pytest.raises(StopIteration) as end:
                next(prune(request, NOW, "ci"))
            assert (end.value.value[0], json.loads(end.value.value[1])) == (200, {key: [], "SpaceReclaimed": 0})


def test_what_is_no_list_ends_a_prune() -> None:
    assert run("/networks/prune", "text")[1:] == (502, {"message": "the engine's list is not as expected"})
    steps = prune(request_of("POST", "/networks/prune"), NOW, "ci")
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send((500, b"x"))
    assert end.value.value == (500, b"x")


def test_prunes_name_no_object() -> None:
    assert PRUNES.isdisjoint(KINDS)


def test_a_dry_run_removes_nothing() -> None:
    for query in ("dryrun=true", "dryrun=1", "dryrun=on", "DryRun=false", "dryrun=false", "dryrun="):
        request = request_of("POST", f"/v1.45/volumes/prune?{query}")
        assert not is_allowed(decide(POLICY, request)), query
