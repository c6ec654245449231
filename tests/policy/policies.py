"""Policies and requests for the tests: builders with defaults, and generators."""

from functools import lru_cache

from api.paths import path_of
from hypothesis import strategies as st
from policy.ordinary import ordinary

from dockerproxy.advice.denials import Adviser
from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.config.environment import read_environment
from dockerproxy.config.policy_file import read_policy
from dockerproxy.config.switches import SWITCHES
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Decision, Denial, Grant, Mode, Policy, Source
from dockerproxy.policy.objects import KINDS, WORDS, ResolvedObject
from dockerproxy.policy.values import Value
from dockerproxy.policy.vocabulary import CONSTRAINTS, UNRESTRICTED, find_words
from dockerproxy.policy.words.constraint import Condition

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


def allowing(*allow: str) -> CompiledPolicy:
    lines = "".join(f"\n  - {line}" for line in allow)
    return read_policy(f"sockets:\n ci:\n  path: /ci.sock\n  allow:{lines}", "policy.yaml").sockets[0].policy


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


PRIVILEGED = (
    "HostConfig.Privileged is true, not allowed: it gives the container root on the host "
    "(Ryuk: set TESTCONTAINERS_RYUK_CONTAINER_PRIVILEGED=false)"
)
"""What is wrong with a create of a privileged container, which Testcontainers asks for in Java and .NET."""

ID = "4f5e" + 60 * "0"
WEB = ResolvedObject(ID, ("web",), subject=ID)
"""What every request names that names anything, unless a test says otherwise."""


def settled(policy: CompiledPolicy, request: CanonicalRequest, found: ResolvedObject = WEB) -> Decision:
    """Return the decision about an ordinary request, with the object that it names if it names one."""
    named = request.operation.name in KINDS
    name = request.operation.name
    decision = decide(policy, request, ordinary(name, found if named else None))
    assert isinstance(decision, Decision), decision
    return decision


def allowed_by(policy: CompiledPolicy) -> set[str]:
    """Return the targets of all tried requests that are allowed, with their methods."""
    return {f"{request.method} {request.target}" for request in TRIED if settled(policy, request).allowed}


def policy_with(*grants: Grant, denials: tuple[Denial, ...] = (), mode: Mode = Mode.ENFORCE) -> CompiledPolicy:
    """Return a policy of these grants."""
    return compile_policy(
        Policy(grants=grants, denials=denials, advice=Adviser(lambda name, _: f"hint for {name}"), mode=mode)
    )


def hint_of(policy: Policy, name: str) -> str:
    """Return how an operator can allow an operation."""
    assert isinstance(policy.advice, Adviser)
    return policy.advice.hint(name, {})


def condition(word: str, value: Value) -> Condition:
    """Return what a grant says by one word."""
    return Condition(CONSTRAINTS[word], value)


def object_word(name: str) -> str:
    """Return what the condition on the object of an operation is called."""
    return WORDS[KINDS[name]]


def grant_on(operation: str, *items: str, **flags: bool) -> Grant:
    """Return a grant of an operation for some objects, with other conditions by their words; a body may be anything."""
    words = find_words(OPERATIONS[operation])
    conditions = [Condition(words[object_word(operation)], items)] if items else []
    conditions += [Condition(words[word], value) for word, value in flags.items()]
    conditions += [UNRESTRICTED] if operation in CONTAINED else []
    return Grant(frozenset({operation}), Source(operation, "policy.yaml", 1), tuple(conditions))


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


ITEMS = st.lists(st.sampled_from(["web", "w*", "db-*", "**", ID]), min_size=1, max_size=2).map(tuple)
CONDITIONS: st.SearchStrategy[Condition] = st.one_of(
    st.just(UNRESTRICTED),
    st.just(Condition(CONSTRAINTS["registries"], "default")),
    st.just(Condition(CONSTRAINTS["buildx_builders"], "none")),
    st.builds(Condition, st.just(CONSTRAINTS["follow"]), st.booleans()),
    st.builds(Condition, st.sampled_from([CONSTRAINTS[word] for word in sorted(set(WORDS.values()))]), ITEMS),
)
GRANTS = st.builds(
    Grant,
    st.frozensets(st.sampled_from(sorted(OPERATIONS)), max_size=20) | st.just(frozenset(EXCEPTIONS)),
    st.sampled_from([Source("A=1"), Source("B=1")]),
    st.lists(CONDITIONS, max_size=2).map(tuple),
)
DENIALS = st.builds(Denial, st.frozensets(st.sampled_from(sorted(OPERATIONS)), max_size=5), st.just(Source("DENY")))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Generate policies in the model's own terms."""
    return Policy(
        grants=tuple(draw(st.lists(GRANTS, max_size=4))),
        denials=tuple(draw(st.lists(DENIALS, max_size=2))),
        advice=Adviser(lambda name, _: f"to allow it, set X={name}"),
    )
