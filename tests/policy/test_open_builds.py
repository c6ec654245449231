"""The tunnels of BuildKit open for who may build, as builds: all that comes in them is judged."""

import pytest
from proxy.builders import TAGS, building
from rows import for_each

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.steps import PlanKind

WHOLE = {"ImageBuild": "unrestricted"}
TUNNELS = [{"Grpc": "unrestricted"}, {"Session": "unrestricted"}]


def opened(policy: CompiledPolicy, path: str, *fields: str) -> Verdict:
    """Judge the head that opens a tunnel."""
    lines = [f"POST {path} HTTP/1.1", "host: x", "connection: upgrade", "upgrade: h2c", *fields, "", ""]
    verdict = judge(policy, "\r\n".join(lines).encode())
    assert isinstance(verdict, Verdict)
    return verdict


@pytest.mark.parametrize("path", ["/grpc", "/session", "/v1.45/grpc", "/grpc?x=y"])
def test_who_may_build_may_open_a_tunnel_in_which_builds_are_judged(path: str) -> None:
    verdict = opened(building(TAGS), path)
    assert (verdict.operation.name, verdict.passes, verdict.decision.plan) == ("ImageBuild", True, PlanKind.BUILD)
    assert b"?" not in verdict.to_engine


READS: list[tuple[str, CompiledPolicy, bool]] = [
    ("builds", building(TAGS), True),
    ("pings", building("preset:ping"), False),
    ("builds of any kind, which the classic builder alone makes", building(WHOLE), False),
    ("everything a builder can do", building(TAGS, *TUNNELS), False),
    ("denied tunnels", building(TAGS, deny=["Grpc"]), False),
    ("learning", building(mode="learn"), True),
    ("a report", building(mode="report"), True),
    ("questions", building(mode="ask"), True),
    ("learning beside everything that a builder can do", building(*TUNNELS, mode="learn"), False),
]


@for_each(("what", "policy", "reads"), READS)
def test_calls_are_read_unless_they_pass_unread_or_never(what: str, policy: CompiledPolicy, reads: bool) -> None:  # noqa: FBT001 (a table gives it)
    verdict = opened(policy, "/grpc")
    assert policy.reads_builds is reads, what
    assert (verdict.operation.name == "ImageBuild") is reads
    assert verdict.passes is (reads or "everything" in what)
