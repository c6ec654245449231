"""A reference that names a host is known as one, however an engine comes to see it."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import request_of

from dockerproxy.policy.conditions import NamesNoBuilder, NamesNoHost

STRICT = NamesNoHost("term", namespaces=False)
LENIENT = NamesNoHost("term", namespaces=True)


def holds(condition: NamesNoHost, *references: str, name: str = "term") -> bool:
    query = "&".join(f"{name}={quote(reference, safe='')}" for reference in references)
    return condition.holds(request_of("GET", f"/images/search?{query}"))


@pytest.mark.parametrize("reference", ["", "alpine", "alpine:3", "alpine@sha256:0", "registry.example", "a.b:5000"])
def test_without_a_slash_nothing_is_a_host(reference: str) -> None:
    assert holds(STRICT, reference)
    assert holds(LENIENT, reference)


@pytest.mark.parametrize("reference", ["team/app", "team/app:1", "team_1/app", "a-b/c/d", "0/x"])
def test_a_plain_word_is_a_namespace_only_where_the_engine_takes_it_for_one(reference: str) -> None:
    assert not holds(STRICT, reference)
    assert holds(LENIENT, reference)


@pytest.mark.parametrize(
    "reference",
    [
        *("registry.example/a", "registry:5000/a", "localhost/a", "LocalHost/a", "127.0.0.1/a", "[::1]/a", "a.b/c/d"),
        *("/a", " /a", "a b/c", "é/a", "a%2eb/c", "//a", ".a/b", "https://registry/a", "team\n/a"),
        # splitDockerDomain of distribution/reference: a capital letter makes the first part a host.
        *("REGISTRY/a", "Registry/a", "regisTry/a"),
    ],
)
def test_what_may_be_a_host_before_a_slash_counts_as_one(reference: str) -> None:
    assert not holds(STRICT, reference)
    assert not holds(LENIENT, reference)


def go_takes_for_a_host(reference: str) -> bool:
    """Read as Go's distribution/reference (splitDockerDomain) and moby's splitReposSearchTerm do, together."""
    first, slash, _ = reference.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost" or first != first.lower())


@given(st.text("abAB.:/-_0é%[] ", max_size=12) | st.text(max_size=12))
def test_whatever_an_engine_takes_for_a_host_does_not_pass(reference: str) -> None:
    if go_takes_for_a_host(reference):
        assert not holds(LENIENT, reference)
    if "/" in reference:
        assert not holds(STRICT, reference)


@pytest.mark.parametrize("name", ["term", "TERM", "Term", "te%72m"])
def test_every_value_is_looked_at_however_the_name_is_spelled(name: str) -> None:
    assert not holds(STRICT, "a", "registry.example/b", name=name)
    assert not holds(STRICT, "registry.example/b", "a", name=name)
    assert holds(STRICT, "a", "b", name=name)


@pytest.mark.parametrize(
    ("target", "holds"),
    [
        ("/containers/create", True),
        ("/containers/create?name=web", True),
        ("/containers/create?name=my_buildx_buildkit_", True),
        ("/containers/create?name=buildx_buildkit_default", False),
        ("/containers/create?name=buildx_buildkit_", False),
        ("/containers/create?name=/buildx_buildkit_default0", False),
        ("/containers/create?name=%2Fbuildx%5Fbuildkit_a", False),
        ("/v1.45/containers/create?name=web&name=buildx_buildkit_a", False),
        ("/containers/create?Name=buildx_buildkit_a", False),
        ("/containers/create?x=buildx_buildkit_a", True),
    ],
)
def test_a_builder_that_a_build_would_start_for_itself_is_known_by_its_name(target: str, *, holds: bool) -> None:
    assert NamesNoBuilder().holds(request_of("POST", target)) is holds


def test_a_condition_reads_as_a_clause() -> None:
    assert str(STRICT) == "term names no registry host"
    assert str(NamesNoBuilder()) == "name is not one of a privileged builder, buildx_buildkit_..."
