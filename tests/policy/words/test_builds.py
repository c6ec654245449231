"""A contained build is on a network of its own, under names as granted; the context of a classic one passes unread."""

import pytest
from policy.words.looking import look
from rows import for_each

from dockerproxy.policy.values import Value


def faults_of(query: str, **bounds: Value) -> str:
    """Return what is wrong with the parameters of a build."""
    return " and ".join(map(str, look("ImageBuild", f"?{query}", bounds=bounds).faults))


@for_each(
    ("query", "says"),
    [
        ("remote=https://x", "fetches the context"),
        ("remote=client-session", "fetches the context"),
        ("version=2", "use docker build"),
        ("session=x", "use docker build"),
        ("outputs=x", "BuildKit"),
        ("cgroupparent=/", "control group"),
        ("securityopt=x", "confinement"),
        ("isolation=chroot", "another way"),
        ("volume=/:/h", "not a known parameter"),
        ("nsoptions=x", "not a known parameter"),
        ("networkMode=host", "not a known parameter"),
        ("networkmode=none&networkmode=host", "repeated"),
        ("dockerfile=../x", "not a valid Dockerfile path"),
        ("dockerfile=/x", "not a valid Dockerfile path"),
        ("dockerfile=https://x/y", "not a valid Dockerfile path"),
        ("dockerfile=%5B%22x%22%5D", "not a valid Dockerfile path"),
        ("dockerfile=x/./y", "not a valid Dockerfile path"),
        ("t=x", '"docker.io/library/x:latest", an image name that no rule allows'),
        ("t=X", "not a valid image name"),
        ("t=ci/a&t=x", "docker.io/library/x:latest"),
        ("networkmode=host", "the host's network"),
        ("networkmode=container:x", "the host's network"),
        ("networkmode=ns:/proc/1/ns/net", "the host's network"),
        ("networkmode=mine", "the host's network"),
    ],
)
def test_parameters_that_reach_further_are_refused(query: str, says: str) -> None:
    assert says in faults_of(query, tags=("ci/*",))


@pytest.mark.parametrize("mode", ["", "networkmode=", "networkmode=default", "networkmode=bridge", "networkmode=none"])
def test_a_build_is_on_the_default_network_or_on_none(mode: str) -> None:
    assert not faults_of(mode)


def test_the_names_that_were_judged_are_those_that_are_given() -> None:
    tags = {"tags": ("docker.io/ci/*", "ghcr.io/ci/*")}
    seen = look("ImageBuild", "?t=ci/a:1&t=&t=ghcr.io/ci/a&t=index.docker.io/ci/b", bounds=tags)
    assert (seen.faults, seen.query) == ((), {"t": ("docker.io/ci/a:1", "", "ghcr.io/ci/a", "docker.io/ci/b")})
    assert look("ImageBuild", "?t=docker.io/ci/a:1", bounds=tags).query == {}


def test_a_build_takes_nothing_from_a_cache() -> None:
    assert look("ImageBuild", "?cachefrom=%5B%22theirs%22%5D").query == {"cachefrom": ()}


@for_each(
    "limit", ["memory=1", "memswap=-1", "cpushares=2", "cpuperiod=9", "cpuquota=9", "cpusetcpus=0", "cpusetmems=0"]
)
def test_no_build_has_a_limit_that_buildkit_would_ignore(limit: str) -> None:
    assert "leave it out" in faults_of(limit)


def test_what_clients_ask_for_is_granted() -> None:
    query = (
        "buildargs=%7B%7D&cachefrom=%5B%5D&cgroupparent=&cpuperiod=0&cpuquota=0&cpusetcpus=&cpusetmems=&cpushares=0"
        "&dockerfile=Dockerfile&labels=%7B%7D&memory=0&memswap=0&networkmode=default&rm=1&shmsize=0&t=ci/a&t=&target="
        "&ulimits=%5B%5D&version=1"
    )
    assert not faults_of(query, tags=("ci/*",))
