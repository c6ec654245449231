"""What was learned reads well, and can be read."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from observe.records import ID, NOON, SOCKET, record_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import Record
from dockerproxy.policy.compile import compile_policy
from dockerproxy.tenancy.own import Own
from dockerproxy.workbench.learned import (
    LearnedGrant,
    LearnedSocket,
    write_grants,
    write_impossible,
    write_openings,
    write_policy,
)
from dockerproxy.workbench.learning import Learner

PING = LearnedGrant(operation="SystemPing", conditions={}, remarks=(), count=1, last=NOON)
LOGS = LearnedGrant(
    operation="ContainerLogs",
    conditions={"containers": ("ci-*", "web"), "follow": False},
    remarks=('containers: "ci-*" stands for names like ci-3f9a2b and ci-77c01d',),
    count=1200,
    last=NOON + 1,
)
LEARNED = LearnedSocket(settings=SOCKET, grants=(PING, LOGS), impossible=(), others=0)

FILE = """\
# Learned by dockerproxy: the smallest policy that allows the observed requests.
# After each grant: the number of requests, and the time of the last one (UTC).
# If a grant allows more than these requests, a comment above it says why.

sockets:
  web:
    path: /proxied/web.sock
    permissions: "0660"
    allow:
      - SystemPing                                                 #    1  2026-11-24 12:00:00
      # containers: "ci-*" stands for names like ci-3f9a2b and ci-77c01d
      - ContainerLogs: {containers: ["ci-*", web], follow: false}  # 1200  2026-11-24 12:00:01
"""


def test_a_file_reads_like_this() -> None:
    assert write_policy([LEARNED]) == FILE


def test_a_file_has_the_sockets_with_all_that_is_not_as_by_default() -> None:
    other = LEARNED._replace(settings=SOCKET._replace(name="1", path="/run/a b.sock", permissions=0o600, uid=0, gid=7))
    sockets = read_policy(write_policy([LEARNED, other], "a remark"), "x.yaml").sockets
    assert [(each.name, each.path, each.permissions, each.uid, each.gid) for each in sockets] == [
        ("web", "/proxied/web.sock", 0o660, None, None),
        ("1", "/run/a b.sock", 0o600, 0, 7),
    ]
    assert "# a remark\n\nsockets:" in write_policy([LEARNED], "a remark")


def test_what_a_socket_hides_stays_hidden() -> None:
    policy = compile_policy(SOCKET.policy.policy._replace(hides=frozenset({"labels", "mounts"})))
    text = write_policy([LEARNED._replace(settings=SOCKET._replace(policy=policy))])
    assert "    hide: [labels, mounts]\n    allow:\n" in text
    assert read_policy(text, "x.yaml").sockets[0].policy.hides == policy.hides


def test_the_owner_of_what_clients_create_stays_the_same() -> None:
    """Without `own_as`, the name of the socket is the owner."""
    for owner, said in (("web", False), ("run-3f9a", True), ("7", True)):
        policy = compile_policy(SOCKET.policy.policy._replace(tenancy=Own(owner)))
        text = write_policy([LEARNED._replace(settings=SOCKET._replace(policy=policy))])
        assert ("    own_as: " in text) == said
        assert read_policy(text, "x.yaml").sockets[0].policy.policy.tenancy.owner == owner


def test_a_socket_that_nobody_used_allows_nothing() -> None:
    text = write_policy([LEARNED._replace(grants=())])
    assert "    allow: []  # no request that a policy can allow\n" in text
    (socket,) = read_policy(text, "x.yaml").sockets
    assert not socket.policy.policy.grants


@pytest.mark.parametrize("count", [1, 3, 30, 100])
def test_a_long_grant_is_written_over_several_lines_that_mean_the_same(count: int) -> None:
    names = [f"container-{number}" for number in range(count)]
    lines = write_grants([replace(LOGS, conditions={"containers": tuple(names), "follow": False})])
    (grant,) = yaml.safe_load("\n".join(lines))
    assert grant == {"ContainerLogs": {"containers": names, "follow": False}}
    assert max(map(len, lines)) <= 120


def test_a_long_remark_is_written_over_several_lines() -> None:
    lines = write_grants([replace(LOGS, remarks=("word " * 100,))])
    assert all(line.startswith("      #") and len(line) <= 120 for line in lines[:-1])
    assert len(lines) == 6


def test_the_head_says_which_sockets_have_grants_that_are_unrestricted_and_why() -> None:
    grant = replace(PING, operation="SwarmInit", conditions={"unrestricted": True}, openings=("a", "b (every request)"))
    opened = LEARNED._replace(grants=(grant,))
    other = opened._replace(settings=SOCKET._replace(name="other"))
    why = ["# - SwarmInit: a", "# - SwarmInit: b (every request)"]
    said = "Unrestricted, because no condition allows all of these requests:"
    assert write_openings(opened) == ["#", f"# {said}", *why]
    assert write_policy([opened]).partition("\n\nsockets:")[0].endswith("\n".join(write_openings(opened)))
    head = write_policy([opened, LEARNED, other]).partition("\n\nsockets:")[0]
    assert head.endswith("\n".join(["#", f"# web: {said}", *why, "#", f"# other: {said}", *why]))
    assert not write_openings(LEARNED)


def test_what_a_pattern_stands_for_is_said_once() -> None:
    inspected = replace(LOGS, operation="ContainerInspect", conditions={"containers": ("ci-*",)})
    volumes = replace(LOGS, remarks=(LOGS.remarks[0].replace("containers", "volumes"), "volumes: left out"))
    lines = write_grants([LOGS, inspected, volumes, volumes])
    assert len([line for line in lines if "stands for" in line]) == 1
    assert lines.count("      # volumes: left out") == 2


def test_what_no_policy_allows_is_listed_with_its_count() -> None:
    learned = LEARNED._replace(impossible=(("GET /debug/vars: unknown operation", 12), ("x", 3)), others=4)
    assert write_impossible(learned) == [
        "# Requests that no policy allows, with their number:",
        "# 12  GET /debug/vars: unknown operation",
        "#  3  x",
        "#  4  others",
    ]
    assert not write_impossible(LEARNED)
    assert read_policy(write_policy([learned]), "x.yaml").sockets


def seen_by_a_ci_runner() -> list[Record]:
    """Return what the page on learning shows the policy of."""
    ends = ("3f9a2b", "77c01d", "00aa11", "9b8c7d")
    jobs = [record_of(f"POST /v1.45/containers/job-{end}/start", f"job-{end}") for end in ends]
    return [
        *[record_of("GET /_ping")] * 312,
        *[record_of(f"GET /v1.45/containers/{name}/logs?stdout=1", name) for name in ("db", "web")] * 20,
        *jobs,
        record_of(f"GET /v1.45/containers/{ID}/json", ID, status=404),
        *[record_of("GET /v1.45/containers/json?all=1")] * 48,
        *[record_of(f"GET /v1.45/containers/job-{end}/json", f"job-{end}") for end in ends],
        record_of("POST /v1.45/images/create?fromImage=alpine&tag=3.22"),
        record_of("POST /v1.45/images/create?fromImage=busybox"),
        record_of("GET /debug/vars"),
    ]


def test_the_page_shows_what_is_written() -> None:
    learner = Learner(SOCKET._replace(name="runner", path="/proxied/runner/docker.sock"))
    for second, record in enumerate(seen_by_a_ci_runner()):
        learner.note(record, NOON + 60 * second)
    page = (Path(__file__).parents[2] / "docs" / "learning.md").read_text()
    assert f"```yaml\n{learner.text()}```\n" in page
