"""Records for the tests: builders with defaults, and a generator of all that clients may ask for."""

from collections.abc import Sequence

from api.paths import path_of
from hypothesis import strategies as st

from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.learning import Learner
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Policy
from dockerproxy.policy.objects import GIVING, KINDS, REACHING, Found, Kind
from dockerproxy.policy.references import parse_reference, with_default_tag
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.settings import SocketSettings

NOON = 1795521600.0
"""2026-11-24 12:00:00."""

ID = "3f9a2b77c01d" * 5 + "4e5f"
"""A full id."""

SOCKET = SocketSettings(
    name="web",
    path="/proxied/web.sock",
    permissions=0o660,
    uid=None,
    gid=None,
    policy=compile_policy(Policy(grants=(), denials=(), hints=dict.fromkeys(OPERATIONS, ""))),
)


def record_of(
    line: str, named: str = "", *, status: int = 200, decision: Outcome = Outcome.REPORTED, reason: str = ""
) -> Record:
    """Return the record of a request, which may have no reading."""
    method, _, target = line.partition(" ")
    request = canonicalise(method, target)
    operation = request.operation.name if isinstance(request, CanonicalRequest) and request.operation else ""
    return Record(
        socket="web",
        peer=Peer(0, 0, 1),
        method=method,
        target=request.target if isinstance(request, CanonicalRequest) else target,
        operation=operation,
        object=named,
        decision=decision,
        source="",
        reason=reason,
        status=status,
        received=0,
        sent=0,
        milliseconds=1.0,
    )


def refused(line: str, reason: str) -> Record:
    """Return the record of a request that had no reading."""
    return record_of(line, decision=Outcome.REFUSED, status=400, reason=reason)


def request_in(record: Record) -> CanonicalRequest:
    """Return the request of a record, which there must be."""
    request = canonicalise(record.method, record.target)
    assert isinstance(request, CanonicalRequest), request
    return request


def learn(*records: Record) -> str:
    """Return the text of the policy that is learned from records, each a second after the other."""
    learner = Learner(SOCKET)
    for second, record in enumerate(records):
        learner.note(record, NOON + second)
    return learner.text()


def lines_of(*records: Record) -> list[str]:
    """Return the grants that are learned from records, with their comments, without counts and times."""
    _, _, allow = learn(*records).partition("    allow:\n")
    return [line.rpartition("  # ")[0].strip() or line.strip() for line in allow.splitlines()]


def load(text: str) -> CompiledPolicy:
    """Return the policy of a file's one socket."""
    (socket,) = read_policy(text, "web.learned.yaml").sockets
    assert (socket.name, socket.path, socket.permissions) == (SOCKET.name, SOCKET.path, SOCKET.permissions)
    return socket.policy


def allows(policy: CompiledPolicy, line: str, *names: str) -> bool:
    """Whether a policy allows a request that names an object of these names."""
    decision = decide(policy, request_in(record_of(line)), Found("x", names, owner="x"))
    return getattr(decision, "allowed", False)


_FLAG = ("{}=1", "{}=0", "{}=true", "{}=False", "{}=", "{}=maybe", "{}=1&{}=0")

QUERIES = {
    **dict.fromkeys(("follow", "stream", "force", "stdin", "showsecret"), _FLAG),
    "remove_volumes": ("v=1", "v=0", "volumes=true", "volumes=true&v=0"),
    "signal": ("signal=9", "signal=HUP&signal=TERM", "signal=SIGUSR1", "signal=%0A", "signal="),
    "ps_args": ("ps_args=aux", "ps_args=-ef%20%C3%A9", "ps_args=%FF", "ps_args=%F0%9F%98%80", "ps_args=*"),
    "path": ("path=/data", "path=/data/x/.", "path=/../etc", "path=/a/*", "path=/%FF", "path=/"),
    "from": ("fromImage=alpine&tag=3", "fromImage=alpine", "fromSrc=-", "fromImage=reg.example:5000/a/b:1"),
    "registries": ("term=alpine", "term=reg.example/alpine", "remote=reg.example/x"),
    "buildx_builders": ("name=buildx_buildkit_a", "name=web"),
}
"""For each condition that is not about an object, queries that bear on it."""


def queries_of(operation: Operation) -> list[str]:
    """Return queries that change what an operation does."""
    found = ["", "", "all=1&x=%FF"]
    for word in find_words(operation):
        found += [query.replace("{}", word) for query in QUERIES.get(word, ())]
    found += [f"{parameter}={value}" for parameter in REACHING.get(operation.name, ()) for value in ("1", "0", "web")]
    found += [f"path=/tmp/ci-{end}" for end in ("3f9a2b", "77c01d", "00aa11", "4c4c4c")] * (
        "path" in find_words(operation)
    )
    found += [f"fromImage=app:{tag}" for tag in range(7)] * (operation.name == "ImageCreate")
    found += [f"reference=docker.io/a/app:{tag}" for tag in range(7)] * (operation.name == "ImagePullLibpod")
    if operation.name in GIVING or operation.name == "ImagePush":
        found += [
            "name=web2",
            "name=/db",
            "name=ci-77c01d",
            "repo=app&tag=2",
            "repo=app",
            "tag=x",
            "repo=reg.example/a",
        ]
    return found


NAMES = (
    *("web", "db-1", "ci-3f9a2b", "ci-77c01d", "ci-00aa11", "job1", "job2", "job3", "zen_bell", "bold_bell", "sad_yam"),
    *("a*b", "**", "no", "1", "-", "~", "3f9a2b77c01d", ID, "Web", "x" * 301, "k7x2m9q4w1e8r5t6y3u0i2o4p"),
)
IMAGES = (
    "app",
    "team/app:1",
    f"app@sha256:{ID}",
    ID,
    f"sha256:{ID}",
    "3f9a2b77c01d",
    *(f"app:{tag}" for tag in range(7)),
)
OTHERS = ("", "?", "docker.io/library/app:1", "other", f"sha256:{ID}", "\udcff", "\U0001f600", "a\nb", "é")
"""What an object may be called whatever a client calls it."""


@st.composite
def records(draw: st.DrawFn, among: Sequence[Operation] = tuple(OPERATIONS.values())) -> Record:
    """Generate records of operations; mostly objects are called what clients call them."""
    operation = draw(st.sampled_from(among))
    one, many = draw(st.sampled_from(NAMES)), draw(st.sampled_from(IMAGES))
    query = draw(st.sampled_from(queries_of(operation)))
    line = f"{operation.method} {path_of(operation, one=one, many=many)}{'?' if query else ''}{query}"
    reference = parse_reference(many)
    named = str(with_default_tag(reference)) if reference is not None else many
    named = named if KINDS.get(operation.name) is Kind.IMAGE else one
    return record_of(
        line,
        draw(st.sampled_from([*[named] * len(OTHERS), *OTHERS])),
        status=draw(st.sampled_from([200, 404])),
        decision=draw(st.sampled_from([Outcome.ALLOWED, Outcome.REPORTED])),
    )


BEARING = tuple(operation for operation in OPERATIONS.values() if find_words(operation))

LISTS = st.one_of(
    st.lists(records(), max_size=30),
    st.sampled_from(BEARING).flatmap(lambda operation: st.lists(records((operation,)), min_size=2, max_size=8)),
)
"""Lists of records, half of them of one operation."""
