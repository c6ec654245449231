"""A request that is tried is decided as serve would, if its object is called what it is called in the path."""

import json

import pytest
from cli.files import sockets_of
from hypothesis import given
from hypothesis import strategies as st
from policy.judging import finish
from rows import for_each
from workbench.bearings import changes, try_body

from dockerproxy.config.presets import PRESETS
from dockerproxy.errors import Refusal
from dockerproxy.policy.claim import Known
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.phases import Verdict
from dockerproxy.settings import DEFAULTS
from dockerproxy.workbench.trying import (
    Tried,
    answer_by_name,
    describe_object,
    describe_unseen,
    find_faults,
    try_request,
)

POLICY = sockets_of()["backup"].policy
BODIES = sockets_of("""\
sockets:
  ci:
    path: FOLDER/ci.sock
    allow:
      - ContainerCreate:
          binds: [/srv]
          volumes: [data]
          networks: [default, front]
          images: ["docker.io/library/*"]
          joins: ["db-*"]
          labels: {owner: ci}
      - ContainerExec: {containers: [web]}
      - PutContainerArchive: {containers: [web]}
      - VolumeCreate: unrestricted
""")["ci"].policy


def tried(
    method: str, target: str, body: bytes | None = None, policy: CompiledPolicy = POLICY, most: int = DEFAULTS.body
) -> Tried:
    found = try_request(policy, method, target, body, most=most)
    assert isinstance(found, Tried)
    return found


@for_each(
    ("method", "target", "allowed", "asks"),
    [
        ("POST", "/containers/web/start", True, False),
        ("POST", "/containers/web/restart", False, True),
        ("POST", "/containers/db-1/restart", True, True),
        ("GET", "/containers/web/logs", True, False),
        ("GET", "/containers/x/logs?follow=1", False, True),
        ("POST", "/exec/db-1/start", True, True),
        ("POST", "/exec/1f/start", False, True),
        ("GET", "/containers/json", True, False),
        ("GET", "/info", False, False),
        ("GET", "/debug", False, False),
        ("GET", "/_dockerproxy/health", True, False),
    ],
)
def test_a_name_is_taken_for_what_it_says(method: str, target: str, *, allowed: bool, asks: bool) -> None:
    found = tried(method, target)
    assert found.decision.allowed is allowed
    assert bool(found.asked) is asks


def test_what_has_no_reading_is_refused() -> None:
    assert isinstance(try_request(POLICY, "GET", "/a/../b"), Refusal)
    assert isinstance(try_request(POLICY, "GET", "/_ping x"), Refusal)
    assert isinstance(try_request(POLICY, "GET", "/_dockerproxy/health", b"{}"), Refusal)
    for body in (b"{", b'{"a": 1, "a": 2}', b"\xff", b"{} {}"):
        assert isinstance(try_request(BODIES, "POST", "/containers/create", body), Refusal)


# Bodies

CREATE = "/containers/create?name=x"


def create(body: str) -> Tried:
    return tried("POST", CREATE, body.encode(), BODIES)


@for_each(
    ("body", "allowed"),
    [
        ('{"Image": "alpine"}', True),
        ('{"Image": "alpine", "HostConfig": {"Binds": ["/srv:/x"]}}', True),
        ('{"Image": "alpine", "HostConfig": {"Binds": ["/etc:/x"]}}', False),
        ('{"Image": "quay.io/me/app"}', False),
        ('{"Image": "quay.io/me/app", "HostConfig": {"Binds": ["/srv:/x"]}}', False),
        ('{"Image": "alpine", "hostconfig": {"privileged": true}}', False),
        ("", False),
        ("null", False),
    ],
)
def test_a_body_decides(body: str, *, allowed: bool) -> None:
    assert create(body).decision.allowed is allowed


HOST = st.fixed_dictionaries(
    {},
    optional={
        "Binds": st.lists(st.sampled_from(["/srv:/x", "/etc:/x", "data:/y", "/z"]), max_size=2),
        "NetworkMode": st.sampled_from(["", "front", "0123456789ab", "host"]),
        "PidMode": st.sampled_from(["", "container:db-1", "container:web"]),
        "privileged": st.booleans(),
    },
)


@given(st.sampled_from(["alpine", "quay.io/me/app", "0123456789ab"]), HOST)
def test_what_is_tried_is_decided_as_serve_would(image: str, host: dict[str, object]) -> None:
    body = json.dumps({"Image": image, "HostConfig": host}).encode()
    found = create(body.decode())
    head = f"POST {CREATE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    judged = judge(BODIES, head.encode())
    asked: list[Lookup] = []

    def answer(lookup: Lookup) -> ResolvedObject | None:
        asked.append(lookup)
        return answer_by_name(Known(), lookup).answers[lookup.kind, lookup.name]

    verdict = finish(judged, body, answer)
    assert isinstance(verdict, Verdict)
    assert (found.decision._replace(denied=None), list(found.asked)) == (verdict.decision._replace(denied=None), asked)
    assert found.decision.message == verdict.decision.message


def test_what_depends_on_a_body_that_is_not_there_is_not_decided() -> None:
    found = tried("POST", CREATE, None, BODIES)
    assert (found.wants_body, found.decision.allowed) == (True, False)
    assert found.decision.message == "ContainerCreate depends on the body"
    assert not tried("POST", "/containers/db/exec", None, BODIES).wants_body
    assert tried("POST", "/containers/web/exec", None, BODIES).wants_body


def test_what_does_not_depend_on_the_body_needs_none() -> None:
    assert tried("POST", "/volumes/create", None, BODIES).decision.allowed
    assert tried("POST", "/volumes/create", b"nonsense", BODIES).decision.allowed
    assert not tried("POST", "/networks/create", b"nonsense", BODIES).decision.allowed


def test_names_in_a_body_are_taken_for_what_they_say_and_listed() -> None:
    found = create('{"Image": "alpine", "HostConfig": {"Binds": ["data:/x"], "NetworkMode": "front"}}')
    assert found.decision.allowed
    assert [describe_object(lookup) for lookup in found.asked] == [
        "volume data, taken for its name; serve asks the engine",
        "network front, taken for its name; serve asks the engine",
    ]
    assert create('{"Image": "a", "HostConfig": {"PidMode": "container:db-1"}}').decision.allowed
    assert not create('{"Image": "a", "HostConfig": {"PidMode": "container:web"}}').decision.allowed


def test_all_that_is_wrong_is_found_and_not_only_the_first() -> None:
    found = create('{"Image": "alpine", "HostConfig": {"Binds": ["/etc:/x", "cache:/y"], "Privileged": true}}')
    faults = [[fault.path for fault in find_faults(case, found)] for case in BODIES.cases["ContainerCreate"]]
    assert faults == [["HostConfig.Privileged", "HostConfig.Binds[0]", "HostConfig.Binds[1]"]]
    assert [find_faults(case, found) for case in BODIES.cases["VolumeCreate"]] == [()]


def test_a_fault_of_a_case_that_asks_is_found_by_the_name_that_is_asked_for() -> None:
    found = create('{"Image": "a", "HostConfig": {"Privileged": true, "PidMode": "container:web"}}')
    found_by = [[fault.path for fault in find_faults(case, found)] for case in BODIES.cases["ContainerCreate"]]
    assert ["HostConfig.Privileged", "HostConfig.PidMode"] in found_by


def test_what_goes_to_the_engine_is_what_was_understood() -> None:
    found = create('{"image": "alpine"}')
    assert (
        found.decision.content
        == b'{"Image":"docker.io/library/alpine","Labels":{"owner":"ci"},"HostConfig":{"CapDrop":["MKNOD"]}}'
    )


def test_a_body_that_is_too_long_is_refused_only_where_it_is_held() -> None:
    refused = try_request(BODIES, "POST", CREATE, b"{}" + b" " * 9, most=10)
    assert isinstance(refused, Refusal)
    assert refused.status == 413
    assert tried("POST", "/volumes/create", b"{}" + b" " * 9, BODIES, most=10).decision.allowed


def test_an_archive_passes_unread() -> None:
    for body in (b"x", b"", None):
        assert tried("PUT", "/containers/web/archive?path=/", body, BODIES).decision.allowed
        assert not tried("PUT", "/containers/db/archive?path=/", body, BODIES).decision.allowed


def test_what_only_the_engine_knows_of_the_object_is_said() -> None:
    found = tried("POST", "/exec/db-1/start")
    assert describe_unseen(found) == "its ProcessConfig is unknown here; serve asks the engine and checks it too"
    assert describe_unseen(tried("GET", "/containers/web/logs")) == ""
    assert describe_unseen(tried("GET", "/debug")) == ""


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/containers/web/restart", "container web, taken for its name; serve asks the engine"),
        ("/exec/1f/start", "exec 1f, taken for the name of its container; serve asks the engine"),
    ],
)
def test_what_a_name_was_taken_for_is_said(target: str, expected: str) -> None:
    (lookup,) = tried("POST", target).asked
    assert describe_object(lookup) == expected


def test_what_only_the_engine_knows_of_an_object_denies_nothing() -> None:
    socket = sockets_of("sockets: {ci: {path: /ci.sock, allow: [{ExecStart: {commands: [[ls]]}}]}}")["ci"]
    found = tried("POST", "/exec/3f9a/start", b"{}", socket.policy)
    assert found.decision.allowed
    assert describe_unseen(found) == "its ProcessConfig is unknown here; serve asks the engine and checks it too"


@for_each("name", PRESETS)
def test_every_preset_has_an_answer_about_the_name_of_an_image(name: str) -> None:
    text = f"sockets:\n  ci:\n    path: /a\n    allow: [preset:{name}]\n"
    for target in ("/images/a/tag?repo=b&tag=c", "/v1.52/images/a/tag?repo=b&tag=c"):
        assert changes(sockets_of(text)["ci"], try_body(text, "POST", target))
