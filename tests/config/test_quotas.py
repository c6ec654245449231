"""Quotas in policy files, and grants by which a client would get around them."""

import pytest
from rows import for_each

from dockerproxy.config.near import HINTS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Bounds
from dockerproxy.problems import UserError
from dockerproxy.tenancy.own import Own
from dockerproxy.tenancy.quota import WORDS


def read(quota: str, *lines: str, deny: str = "") -> CompiledPolicy:
    allow = "".join(f"\n      - {line}" for line in lines)
    text = f"sockets:\n  ci:\n    path: /ci.sock\n    quota: {quota}\n    deny: [{deny}]\n    allow:{allow}\n"
    return read_policy(text, "policy.yaml").sockets[0].policy


def problems(quota: str, *lines: str, deny: str = "") -> list[tuple[str, str]]:
    with pytest.raises(UserError) as caught:
        read(quota, *lines, deny=deny)
    return [(problem.what, problem.hint) for problem in caught.value.problems]


def test_a_quota_is_read() -> None:
    tenancy = read("{containers: 20, volumes: 10, networks: 5}", "own", deny="ContainerUpdate").policy.tenancy
    assert isinstance(tenancy, Own)
    assert (tenancy.quota.socket, tenancy.most) == ("ci", dict(zip(WORDS, (20, 10, 5), strict=True)))


def test_bounds_need_nothing_that_is_own() -> None:
    policy = read("{starts: 40, ports: 2, builds: 1}", "ContainerCreate").policy
    assert (policy.bounds, policy.tenancy.most) == (Bounds(starts=40, ports=2, builds=1), {})
    assert read("{volumes: 1}", "own").policy.bounds == Bounds()


@for_each(
    ("quota", "what", "hint"),
    [
        ("{}", "quota is empty", "quota: {containers: 20, volumes: 10}"),
        ("{container: 8}", "unknown key 'container' of quota", "did you mean containers?"),
        ("{images: 8}", "unknown key 'images' of quota", "remove it; there is no quota of images or of disk space"),
        ("{networks: 0}", "invalid networks '0'", "a whole number above 0 is needed; to have none, do not allow it"),
        ("20", "quota must be a mapping, not '20'", "quota: {containers: 20, volumes: 10}"),
        *((f"{{{word}: 8}}", f"unknown key '{word}' of quota", hint) for word, hint in HINTS["quota"].items()),
    ],
)
def test_a_mistake_says_what_to_write(quota: str, what: str, hint: str) -> None:
    found = problems(quota, "own")
    assert (what.partition(",")[0] in found[0][0], found[0][1]) == (True, hint), found


def test_a_quota_needs_something_that_is_own() -> None:
    assert problems("{containers: 2}", "ContainerStart") == [
        ("quota counts own objects, but no grant is own", "add own to allow, or remove quota")
    ]
    assert read("{containers: 2}", "ContainerStart: {own: true}").policy.tenancy.most


@for_each(
    ("quota", "line", "what", "hint"),
    [
        (
            "{containers: 2}",
            "ContainerCreate: unrestricted",
            "ContainerCreate bypasses the quota of containers",
            "remove unrestricted",
        ),
        ("{containers: 2}", "containers:write: unrestricted", "ContainerCreate bypasses", "remove unrestricted"),
        ("{containers: 2}", "ContainerUpdate: unrestricted", "ContainerUpdate bypasses", "remove unrestricted"),
        ("{volumes: 2}", "VolumeCreate: unrestricted", "VolumeCreate bypasses", "remove unrestricted"),
        ("{networks: 2}", "KubePlayLibpod: unrestricted", "KubePlayLibpod bypasses", "use another socket"),
        ("{containers: 2}", "ServiceCreate", "ServiceCreate bypasses the quota of containers", "deny it"),
        ("{containers: 2}", "services:write", "ServiceCreate bypasses the quota of containers", "deny it"),
        ("{containers: 2}", "ServiceUpdate", "ServiceUpdate bypasses the quota of containers", "use another socket"),
        (
            "{volumes: 2}",
            'ContainerCreate: {volumes: ["data-*"]}',
            "volumes of ContainerCreate has a pattern",
            "list names",
        ),
    ],
)
def test_a_grant_that_gets_around_a_quota_is_a_mistake(quota: str, line: str, what: str, hint: str) -> None:
    found = problems(quota, "own", line)
    assert any(what in said and hint in says for said, says in found), found


@for_each(
    ("quota", "line", "deny"),
    [
        ("{containers: 2}", "ContainerCreate: {memory: 1GiB, pids: 5}", ""),
        ("{networks: 2}", "ContainerUpdate: {own: true}", ""),
        ("{containers: 2}", "containers:write: {memory: 1GiB, pids: 5}", ""),
        ("{networks: 2}", "ContainerCreate", ""),
        ("{networks: 2}", "ContainerCreate: unrestricted", ""),
        ("{containers: 2}", "services:write", "ServiceCreate, ContainerUpdate"),
        ("{containers: 2}", "containers:write", "ContainerCreate, ContainerUpdate"),
        ("{containers: 2}", 'ImageBuild: {tags: ["ci/*"]}', "ContainerUpdate"),
        ("{volumes: 2}", "ServiceCreate", ""),
        ("{volumes: 2}", "ContainerCreate: {volumes: [data]}", ""),
        ("{volumes: 2}", 'VolumeDelete: {volumes: ["data-*"]}', ""),
        ("{containers: 2}", "preset:ping", ""),
    ],
)
def test_what_can_be_counted_is_no_mistake(quota: str, line: str, deny: str) -> None:
    assert read(quota, "own", line, deny=deny).policy.tenancy.most


@pytest.mark.parametrize(
    ("line", "missing", "write"),
    [
        ("ContainerCreate", "memory and pids in ContainerCreate", 'ContainerCreate: {memory: "1GiB", pids: "500"}'),
        ("ContainerCreate: {memory: 1GiB, cpus: 1}", "pids in ContainerCreate", 'ContainerCreate: {pids: "500"}'),
        ("containers:write", "memory and pids in containers:write", 'ContainerCreate: {memory: "1GiB", pids: "500"}'),
        ("preset:ci", "pids in preset:ci", "ContainerCreate: {"),
        ("ContainerUpdate", "memory and pids in ContainerUpdate", 'ContainerUpdate: {memory: "1GiB", pids: "500"}'),
        (
            "ContainerUpdate: {containers: [web], pids: 5}",
            "memory in ContainerUpdate",
            'ContainerUpdate: {memory: "1GiB"}',
        ),
    ],
)
def test_a_quota_of_containers_needs_limits_of_each(line: str, missing: str, write: str) -> None:
    """Else a few containers have all of the host's memory and processes, or an update gives them to one."""
    found = problems("{containers: 2}", "own", line)
    assert any(missing in what and f"write {write}" in hint for what, hint in found), found
