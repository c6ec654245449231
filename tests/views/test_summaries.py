"""A client whose lists show only some containers reads no counts of all of them."""

import pytest
from policy.policies import request_of

from dockerproxy.api.answers import COUNTING
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.decide import decide, is_allowed
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Decision
from dockerproxy.policy.phases import Verdict
from dockerproxy.views.hiding import blank_counts

INFO = {
    "/info": b'{"ID":"x","Containers":3,"ContainersRunning":1,"Images":12,"NCPU":2,"Labels":["Images=1"]}',
    "/v5.0.0/libpod/info": b'{"host":{"cpus":2,"freeLocks":9},"store":{"containerStore":{"number":3},"root":"/x"}}',
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/info", b'{"ID":"x","Containers":0,"ContainersRunning":0,"Images":0,"NCPU":2,"Labels":["Images=1"]}'),
        (
            "/v5.0.0/libpod/info",
            b'{"host":{"cpus":2,"freeLocks":0},"store":{"containerStore":{"number":0},"root":"/x"}}',
        ),
    ],
)
def test_counts_are_0_and_all_else_stays_as_it_came(target: str, expected: bytes) -> None:
    name = request_of("GET", target).operation.name
    assert name in COUNTING
    assert blank_counts(name, INFO[target]) == expected
    assert blank_counts(name, b"[") is None


@pytest.mark.parametrize(
    ("lines", "mode", "blank"),
    [
        ("own", "enforce", True),
        ("ContainerList: {containers: [web]}", "enforce", True),
        ("ContainerListLibpod: {labelled: {a: b}}", "enforce", True),
        ("ContainerList: {containers: [web]}", "report", False),
        ("ContainerList", "enforce", False),
        ("ContainerList, NetworkList: {networks: [web]}", "enforce", False),
        ("SystemPing", "enforce", False),
    ],
)
def test_nothing_is_counted_where_a_list_shows_only_some(lines: str, mode: str, *, blank: bool) -> None:
    text = f"sockets: {{ci: {{path: /ci.sock, mode: {mode}, allow: [SystemInfo, SystemInfoLibpod, {lines}]}}}}"
    policy = read_policy(text, "policy.yaml").sockets[0].policy
    for target in INFO:
        verdict = judge(policy, f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert isinstance(verdict, Verdict)
        assert verdict.passes
        assert (verdict.plan is not None) is blank
        assert verdict.to_engine.startswith(f"GET {target} HTTP/1.1\r\n".encode())


def test_the_denial_of_disk_usage_beside_own_names_a_line_that_allows_it() -> None:
    request = request_of("GET", "/v1.45/system/df")
    for allow in ("own", "own, SystemDataUsage"):
        policy = read_policy(f"sockets: {{ci: {{path: /ci.sock, allow: [{allow}]}}}}", "policy.yaml").sockets[0].policy
        answer = decide(policy, request)
        assert isinstance(answer, Decision)
        if is_allowed(answer):
            assert (allow, answer.shows) == ("own, SystemDataUsage", ())
        else:
            assert answer.message.endswith('; to allow it, add "SystemDataUsage" to "allow" of socket "ci"')
