"""What a client may change of its own is bounded by the grant under which it could create that."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.judging import finish
from policy.policies import ID
from wire.heads import head_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.judge import judge
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.stamps import GRANTS, make_stamp

TOOLS = "{images: [tools], memory: 1GiB}"
JOBS = "{images: [jobs, both], memory: 8GiB, user: not-root}"
BOTH = "{images: [both], memory: 2GiB, names: [b-*]}"
GIB = 2**30
CHANGES: dict[str, tuple[str, object]] = {
    "root": ("POST /containers/web/exec", {"Cmd": ["sh"]}),
    "not root": ("POST /containers/web/exec", {"Cmd": ["sh"], "User": "1000:1000"}),
    **{f"{size} GiB": ("POST /containers/web/update", {"Memory": size * GIB}) for size in (1, 2, 8, 16)},
    "any name": ("POST /containers/web/rename?name=other", None),
    "b-1": ("POST /containers/web/rename?name=b-1", None),
}


def policy_of(*creates: str, api: str = "") -> CompiledPolicy:
    lines = ", ".join(f"ContainerCreate{api}: {each}" for each in creates)
    return read_policy(f"sockets: {{ci: {{path: /ci.sock, allow: [own, {lines}]}}}}", "p").sockets[0].policy


def send(policy: CompiledPolicy, line: str, body: object, labels: object = None) -> Verdict:
    """Judge a request on an engine where everything has these labels, or of which nothing is known."""

    def find(lookup: Lookup) -> ResolvedObject | None:
        if labels is None:
            return None
        said = {"Id": ID, "Name": "/web", "Config": {"Labels": labels}, "Image": f"sha256:{ID}"}
        found = read_object(lookup, json.dumps(said).encode(), "")
        if isinstance(found, Lookup):
            found = read_object(found, b'{"Config": {"Labels": {}}}', "")
        assert isinstance(found, ResolvedObject)
        return found

    content = b"" if body is None else json.dumps(body).encode()
    fields = ("content-type: application/json", f"content-length: {len(content)}") if content else ()
    verdict = finish(policy, judge(policy, head_of(*fields, line=f"{line} HTTP/1.1")), content, find)
    assert isinstance(verdict, Verdict)
    return verdict


def create(policy: CompiledPolicy, image: str, **more: object) -> dict[str, str]:
    """Return the labels that a container gets."""
    body = {"Image": image, "User": "1000:1000", **more}
    verdict = send(policy, "POST /containers/create?name=b-0", body)
    assert verdict.passes, verdict.decision
    labels: dict[str, str] = json.loads(verdict.to_engine.partition(b"\r\n\r\n")[2])["Labels"]
    return {**labels, **make_stamp("ci", "n1")}


def changes_of(policy: CompiledPolicy, labels: object) -> set[str]:
    """Return which changes pass of a container with these labels."""
    return {name for name, (line, body) in CHANGES.items() if send(policy, line, body, labels).passes}


def test_no_change_combines_two_grants_of_a_create() -> None:
    policy = policy_of(TOOLS, JOBS, BOTH)
    assert changes_of(policy, create(policy, "tools")) == {"root", "not root", "1 GiB", "any name", "b-1"}
    assert changes_of(policy, create(policy, "jobs")) == {"not root", "1 GiB", "2 GiB", "8 GiB", "any name", "b-1"}
    assert changes_of(policy, create(policy, "both")) == CHANGES.keys() - {"16 GiB"}


SERVICE = "{images: [jobs], memory: 2GiB, user: not-root}"


@pytest.mark.parametrize(
    ("creates", "services", "changes"),
    [
        ([], [SERVICE], {"not root", "1 GiB", "2 GiB"}),
        (["{images: [jobs]}"], [SERVICE], {"not root", "1 GiB", "2 GiB"}),
        ([JOBS], ["{images: [tools]}", SERVICE], {"not root", "1 GiB", "2 GiB"}),
        ([TOOLS], ["{images: [jobs]}"], {"root", "not root", "1 GiB", "2 GiB", "8 GiB", "16 GiB"}),
        ([SERVICE], [SERVICE], {"not root", "1 GiB", "2 GiB"}),
        ([], ["{images: [jobs], memory: 8GiB}", SERVICE], {"not root", "1 GiB", "2 GiB"}),
        (
            [JOBS],
            ["{images: [jobs], memory: 2GiB}", "{images: [jobs], user: not-root}"],
            {"not root", "1 GiB", "2 GiB"},
        ),
    ],
)
def test_containers_of_services_keep_to_the_bounds_of_services(
    creates: list[str], services: list[str], changes: set[str]
) -> None:
    """Also if another grant of services than the one that created it holds of it since an update."""
    lines = ", ".join(
        [*(f"ContainerCreate: {each}" for each in creates), *(f"ServiceCreate: {each}" for each in services)]
    )
    policy = read_policy(f"sockets: {{ci: {{path: /ci.sock, allow: [own, {lines}]}}}}", "p").sockets[0].policy
    task = {"ContainerSpec": {"Image": "jobs:latest", "User": "1000:1000"}}
    verdict = send(policy, "POST /services/create", {"Name": "web", "TaskTemplate": task})
    assert verdict.passes, verdict.decision
    made = json.loads(verdict.to_engine.partition(b"\r\n\r\n")[2])
    labels = {**made["TaskTemplate"]["ContainerSpec"]["Labels"], **make_stamp("ci", "n1")}
    assert changes_of(policy, labels) - {"any name", "b-1"} == changes


@pytest.mark.parametrize("said", [None, "", "0123456789ab"])
def test_what_no_grant_could_create_any_more_keeps_to_the_narrowest(said: str | None) -> None:
    labels = {**make_stamp("ci", "n1"), **({} if said is None else {GRANTS: said})}
    assert changes_of(policy_of(TOOLS, JOBS), labels) == {"not root", "1 GiB", "any name", "b-1"}
    two = policy_of("{images: [tools], names: [a-*]}", "{images: [jobs], names: [b-*]}")
    assert changes_of(two, labels).isdisjoint({"any name", "b-1"})


def test_a_client_cannot_say_under_which_grant_something_is_created() -> None:
    policy = policy_of(TOOLS, JOBS)
    forged = create(policy, "tools")
    assert create(policy, "jobs", Labels={GRANTS: forged[GRANTS]})[GRANTS] not in forged[GRANTS]
    assert create(policy, "jobs", Labels=make_stamp("ci", "n1", forged[GRANTS]))[GRANTS] not in forged[GRANTS]


def test_what_is_not_there_can_be_told_apart_from_what_may_not_be_changed() -> None:
    assert send(policy_of(TOOLS, JOBS), "POST /containers/web/exec", {"Cmd": ["sh"]}).decision.status == 404


GRANTED = st.lists(st.sampled_from([TOOLS, JOBS, BOTH, "{images: [both, tools], user: not-root}"]), unique=True)


@given(GRANTED.filter(bool), GRANTED, st.sampled_from(["tools", "jobs", "both"]))
def test_a_further_create_takes_no_change_away(before: list[str], more: list[str], image: str) -> None:
    policy, later = policy_of(*before), policy_of(*more, *(each for each in before if each not in more))
    if send(policy, "POST /containers/create?name=b-0", {"Image": image, "User": "1000:1000"}).passes:
        labels: Any = create(policy, image)
        assert changes_of(policy, labels) <= changes_of(later, labels)
