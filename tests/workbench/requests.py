"""Requests for every operation that a condition can speak of, what becomes of them, and policies for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.paths import path_of
from fuzz.body_changes import change
from fuzz.engine import find
from fuzz.grants import VALUES
from fuzz.seeds import of_bodies
from hypothesis import strategies as st
from observe.records import BODIES_OF, IMAGES, NAMES, SOCKET, queries_of
from policy.judging import finish
from wire.heads import head_of

from dockerproxy.advice.denials import Adviser
from dockerproxy.api.bodies.tables import BODIES, SEALED
from dockerproxy.api.catalog import BUILD_TUNNELS, OPERATIONS, Operation
from dockerproxy.config.policy_file import read_policy
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.policy.claim import Known
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Mode, Policy
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.values import Pairs, Takes, Value, write_grant
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.problems import UserError
from dockerproxy.wire.document import write_json
from dockerproxy.workbench.needs import Need, find_need
from dockerproxy.workbench.trying import answer_by_name

NOT_ASKED = frozenset({"ImageTag", "ImageTagLibpod", *BUILD_TUNNELS})
"""Operations that need more than their own grant, or nothing: the builds in a tunnel have records of their own."""

OPERATIONS_WITH_CONDITIONS = tuple(
    operation
    for name, operation in OPERATIONS.items()
    if name not in NOT_ASKED and (find_words(operation) or name in BODIES or name in SEALED)
)
SEEDS: dict[str, list[bytes]] = {}
for seed in of_bodies():
    SEEDS.setdefault(seed.split(b" ", 1)[0].split(b"\n", 1)[0].decode(), []).append(seed)

ARCHIVES = (b"", b"an archive that nobody reads")
_QUERIES = {
    "ImageBuild": (
        *("t=ci/x:1", "t=ci/x&t=y:1&networkmode=none", "networkmode=host", "version=2", "x=1"),
        *(
            "dockerfile=Dockerfile",
            "dockerfile=a&labels=%7B%7D",
            "remote=http://a/",
            "extrahosts=%5B%22a:1.2.3.4%22%5D",
        ),
    ),
    "PutContainerArchive": ("path=/data", "path=/data/../x", "path=/a&noOverwriteDirNonDir=1"),
}

NOTHING = compile_policy(Policy(grants=(), denials=(), advice=Adviser(lambda *_: ""), mode=Mode.LEARN))

Answer = Callable[[Lookup], ResolvedObject | None]
"""What an engine says of a name; None if it has nothing of that name."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Attributes:
        operation: What it asks for.
        target: As the client sends it.
        content: Its body; None if it has none.
    """

    operation: Operation
    target: str
    content: bytes | None


@st.composite
def requests(draw: st.DrawFn, operations: Sequence[Operation] = OPERATIONS_WITH_CONDITIONS) -> Asked:
    """Generate requests, most of which honest clients could send."""
    operation = draw(st.sampled_from(operations))
    query = draw(st.sampled_from((*queries_of(operation), *_QUERIES.get(operation.name, ()))))
    content = None
    if operation.name in SEEDS and BODIES[operation.name].is_read:
        query, content = draw(_bodies(operation.name, query))
    if operation.body == "tar":
        content = draw(st.sampled_from(ARCHIVES))
    path = path_of(operation, one=draw(st.sampled_from(NAMES)), many=draw(st.sampled_from(IMAGES)))
    return Asked(operation, f"{path}{query and '?'}{query}", content)


@st.composite
def _bodies(draw: st.DrawFn, name: str, query: str) -> tuple[str, bytes]:
    if name in BODIES_OF and draw(st.booleans()):
        return query, write_json(draw(BODIES_OF[name]))
    data = draw(st.sampled_from(SEEDS[name]))
    for chance in draw(st.lists(st.integers(0, 2**16), max_size=3)):
        data = change(data, 4096, chance, lambda data, most: data[:most])
    line, _, content = data.partition(b"\n")
    asked = line.partition(b"{")[0].partition(b"?")[2].strip().decode(errors="replace")
    return asked if asked.isascii() and draw(st.booleans()) else query, content


ANY = st.one_of(
    requests(),
    requests(tuple(each for each in OPERATIONS_WITH_CONDITIONS if each.name in BODIES and each.body == "tar")),
)
"""Any of them, and often one with an archive."""


def take_for_name(lookup: Lookup) -> ResolvedObject:
    """Say that there is an object which is called what it is asked for."""
    return answer_by_name(Known(), lookup).answers[lookup.kind, lookup.name]


def send(policy: CompiledPolicy, asked: Asked, answer: Answer = find) -> Verdict | Refusal:
    """Send a request to a proxy, in front of an engine that knows some objects."""
    fields = (
        [] if asked.content is None else ["Content-Type: application/json", f"Content-Length: {len(asked.content)}"]
    )
    judged = judge(policy, head_of(*fields, line=f"{asked.operation.method} {asked.target} HTTP/1.1"))
    return finish(judged, asked.content or b"", answer)


def record(judged: Verdict) -> Record:
    """Return what the proxy notes of a request on a socket that learns, as far as others read it."""
    return Record(
        socket=SOCKET.name,
        peer=Peer(0, 0, 0),
        method=judged.request.method,
        target=judged.target,
        operation=judged.operation.name,
        object=judged.object,
        decision=Outcome.ALLOWED if judged.decision.allowed else Outcome.REPORTED,
        source="",
        reason="",
        status=200,
        received=0,
        sent=0,
        milliseconds=1.0,
        body=judged.needs,
    )


def write(*grants: str) -> str:
    """Write a policy file with some grants."""
    items = "".join(f"      - {grant}\n" for grant in grants)
    return f"sockets:\n  {SOCKET.name}:\n    path: {SOCKET.path}\n    allow:{' []' * (not grants)}\n{items}"


def load(*grants: str) -> CompiledPolicy | None:
    """Return the policy of some grants; None if there is a mistake in them."""
    try:
        return read_policy(write(*grants), "policy.yaml").sockets[0].policy
    except UserError:
        return None


@st.composite
def grants(draw: st.DrawFn, needed: Record) -> str:
    """Generate grants of the operation of a record, with conditions of which many let its request pass."""
    operation = OPERATIONS[needed.operation]
    need = find_need(needed)
    least = dict(need.values) if isinstance(need, Need) else {}
    said: dict[str, Value] = {}
    for word, constraint in find_words(operation).items():
        own = least.get(word)
        whole = _value_of(word, constraint.takes)
        choices = [None, whole, whole[:1] if isinstance(whole, tuple) else whole]
        choices += [own] * 3 if isinstance(own, bool | str | tuple | Pairs) else []
        value = draw(st.sampled_from(choices))
        if value is not None:
            said[word] = value
    return write_grant(operation.name, said)


def _value_of(word: str, takes: Takes) -> Value:
    value = VALUES.get(word, False)
    if isinstance(value, dict):
        pairs = ((name, tuple(map(str, item)) if isinstance(item, list) else str(item)) for name, item in value.items())
        return Pairs(tuple(pairs))
    if takes is Takes.LISTS and isinstance(value, list):
        return tuple(tuple(map(str, item)) for item in value if isinstance(item, list))
    if isinstance(value, list):
        return tuple(map(str, value))
    return value if isinstance(value, bool) else str(value)
