"""Policies and requests for the tests: builders with defaults, and generators."""

from functools import lru_cache

from api.paths import path_of
from hypothesis import strategies as st

from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.config.environment import read_environment
from dockerproxy.config.switches import SWITCHES
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.conditions import NamesNoBuilder, NamesNoHost
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Denial, Grant, Policy

EXCEPTIONS = {
    "ImageSearch": "?term=registry.example/x",
    "GetPluginPrivileges": "?remote=registry.example/x",
    "ImageSearchLibpod": "?term=registry.example/x",
    "ContainerCreate": "?name=buildx_buildkit_default",
}
"""Queries with which an operation is more than the switch of its section opens."""


def policy_of(**variables: str) -> CompiledPolicy:
    """Return the policy that environment variables make."""
    return _read_policy(tuple(variables.items()))


@lru_cache(maxsize=64)
def _read_policy(variables: tuple[tuple[str, str], ...]) -> CompiledPolicy:
    return read_environment(dict(variables)).settings.sockets[0].policy


def request_of(method: str, target: str) -> CanonicalRequest:
    """Return the canonical request, which there must be."""
    request = canonicalise(method, target)
    assert isinstance(request, CanonicalRequest), request
    return request


def request_for(operation: Operation, query: str = "") -> CanonicalRequest:
    """Return a request for an operation."""
    return request_of(operation.method, path_of(operation) + query)


PLAIN = {name: request_for(operation) for name, operation in OPERATIONS.items()}
"""For each operation, a request that asks for nothing special."""

TRIED = (*PLAIN.values(), *(request_for(OPERATIONS[name], query) for name, query in EXCEPTIONS.items()))
"""A request for each operation, and those that are more than a switch opens besides."""


def allowed_by(policy: CompiledPolicy) -> set[str]:
    """Return the targets of all tried requests that are allowed, with their methods."""
    return {f"{request.method} {request.target}" for request in TRIED if decide(policy, request).allowed}


NAMES = st.sets(st.sampled_from(sorted(OPERATIONS)), max_size=5)


@st.composite
def environments(draw: st.DrawFn) -> dict[str, str]:
    """Generate environments of switches, ALLOW and DENY."""
    on = draw(st.sets(st.sampled_from(sorted(SWITCHES)), max_size=12))
    off = draw(st.sets(st.sampled_from(sorted(SWITCHES)), max_size=6)) - on
    environment = {**dict.fromkeys(sorted(on), "1"), **dict.fromkeys(sorted(off), "0")}
    for name in ("ALLOW", "DENY"):
        if chosen := draw(st.just(set()) | NAMES):
            environment[name] = ",".join(sorted(chosen))
    return environment


CONDITIONS = (
    st.none() | st.builds(NamesNoHost, st.sampled_from(["term", "remote"]), st.booleans()) | st.builds(NamesNoBuilder)
)
GRANTS = st.builds(
    Grant,
    st.frozensets(st.sampled_from(sorted(OPERATIONS)), max_size=20) | st.just(frozenset(EXCEPTIONS)),
    st.sampled_from(["A=1", "B=1"]),
    CONDITIONS,
)
DENIALS = st.builds(Denial, st.frozensets(st.sampled_from(sorted(OPERATIONS)), max_size=5), st.just("DENY"))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Generate policies in the model's own terms."""
    return Policy(
        grants=tuple(draw(st.lists(GRANTS, max_size=4))),
        denials=tuple(draw(st.lists(DENIALS, max_size=2))),
        hints={name: f"X={name} would allow it" for name in OPERATIONS},
    )
