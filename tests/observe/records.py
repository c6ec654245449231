"""Records for the tests: builders with defaults, and a generator of all that clients may ask for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from api.paths import path_of
from hypothesis import strategies as st
from policy.ordinary import Named, body_of

from dockerproxy.advice.needs import find_needs
from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import BUILD_TUNNELS, OPERATIONS, Operation
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.policy.claim import Known
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Decision, Policy
from dockerproxy.policy.objects import GIVING, KINDS, REACHING, Kind, ResolvedObject
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.references import parse_reference, with_default_tag
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.settings import SocketSettings
from dockerproxy.wire.document import Json
from dockerproxy.workbench.learned import read_counts
from dockerproxy.workbench.learning import Learner
from dockerproxy.workbench.needs import Need, find_named, find_need

NOON = 1795521600.0
"""2026-11-24 12:00:00."""

ID = "3f9a2b77c01d" * 5 + "4e5f"
"""A full id."""

_FRESH: Final[Mapping[str, Json]] = {"state": {"Status": "created"}, "hostconfig": {}, "mounts": []}
"""What an engine says of a container that was never started, and mounts nothing."""

SOCKET = SocketSettings(
    name="web",
    path="/proxied/web.sock",
    permissions=0o660,
    uid=None,
    gid=None,
    policy=compile_policy(Policy(grants=(), denials=())),
)


def record_of(
    line: str,
    named: str = "",
    *,
    body: Json = None,
    status: int = 200,
    decision: Outcome = Outcome.REPORTED,
) -> Record:
    """Return the record of a request, which may have no reading, on a socket that learns.

    Its body, an ordinary one if none is given, stands in its source, at which learning does not look.
    """
    method, _, target = line.partition(" ")
    request = canonicalise(method, target)
    operation = request.operation.name if isinstance(request, CanonicalRequest) and request.operation else ""
    record = Record(
        socket="web",
        peer=Peer(0, 0, 1),
        method=method,
        target=request.target if isinstance(request, CanonicalRequest) else target,
        operation=operation,
        object=named,
        decision=decision,
        source=json.dumps(body_of(operation) if body is None else body),
        reason="",
        status=status,
        received=0,
        sent=0,
        milliseconds=1.0,
    )
    if operation not in BODIES or not isinstance(request, CanonicalRequest):
        return record
    needs = find_needs(read_request(BODIES[operation], request, known_of(record)))
    assert isinstance(needs, dict), needs
    return record._replace(body=needs)


def known_of(record: Record, found: ResolvedObject | None = None) -> Known:
    """Return what is known of a recorded request: its body, and an engine that has whatever is asked for.

    A container was never started, unless `found` says so: no record does, and it matters to those who copy files.

    Args:
        record: Of the request.
        found: What it names; if None, what its record says.
    """
    found = find_named(request_in(record), record) if found is None else found
    if found is not None:
        command = {"entrypoint": "true", "arguments": []}
        told = {"name": (*found.names, "")[0], "processconfig": command}
        found = replace(found, document={**_FRESH, **found.document, **told})
    return Known(found=found, body=(json.loads(record.source),), answers=Named())


def settled(policy: CompiledPolicy, record: Record, found: ResolvedObject | None = None) -> Decision:
    """Return what a policy says of a recorded request."""
    request = request_in(record)
    if request.operation.name in BUILD_TUNNELS and policy.reads_builds:  # It opens, as `policy/judge` has it.
        request = request._replace(operation=BUILD_TUNNELS[request.operation.name], query=())
    decision = decide(policy, request, known_of(record, found))
    assert isinstance(decision, Decision), decision
    return decision


def refused(line: str, reason: str) -> Record:
    """Return the record of a request that had no reading."""
    return record_of(line, decision=Outcome.REFUSED, status=400)._replace(reason=reason)


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
    return settled(policy, record_of(line), ResolvedObject("x", names, subject="x")).allowed


def resume(text: str) -> Learner:
    """Return a learner that goes on from a file."""
    learner = Learner(SOCKET)
    (before,) = read_policy(text, "web.learned.yaml").sockets
    learner.resume(before.policy.policy, read_counts(text))
    return learner


def is_doubtful(record: Record) -> bool:
    """Whether little or nothing is learned from a record: a policy need not allow the request."""
    need = find_need(record)
    return not isinstance(need, Need) or need.is_doubtful


_FLAG = ("{}=1", "{}=0", "{}=true", "{}=False", "{}=", "{}=maybe", "{}=1&{}=0")

QUERIES = {
    **dict.fromkeys(("follow", "stream", "force", "stdin"), _FLAG),
    "remove_volumes": ("v=1", "v=0", "volumes=true", "volumes=true&v=0"),
    "signal": ("signal=9", "signal=HUP&signal=TERM", "signal=SIGUSR1", "signal=%0A", "signal="),
    "path": ("path=/data", "path=/data/x/.", "path=/../etc", "path=/a/*", "path=/%FF", "path=/"),
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
        body=draw(BODIES_OF.get(operation.name, st.none())),
        status=draw(st.sampled_from([200, 404])),
        decision=draw(st.sampled_from([Outcome.ALLOWED, Outcome.REPORTED])),
    )


_TEXTS = st.sampled_from(("web", "db-1", "ci-3f9a2b", "ci-77c01d", "ci-00aa11", "a*b", "é", "3f9a2b77c01d", "x" * 301))
_NETWORKS = st.sampled_from(("", "default", "bridge", "none", "host", "ci", "ci-3f9a2b", "container:web", "no/name"))
_BINDS = (
    *("/srv/a:/a", "/srv/a:/a:ro", "/srv/a*:/b", "data:/d:nocopy", "ci-3f9a2b:/e", "/f", "../g:/g", "a:/b:rshared"),
    *(f"/srv/job-{end}:/h:ro" for end in ("3f9a2b", "77c01d", "00aa11")),
)
_PORTS: dict[str, st.SearchStrategy[Json]] = {
    "HostPort": st.sampled_from(("", "80", "81", "8000-8009", "x")),
    "HostIp": st.sampled_from(("", "::1", "x")),
}
_HOST_CONFIG: dict[str, st.SearchStrategy[Json]] = {
    "Binds": st.lists(st.sampled_from(_BINDS), max_size=3),
    "Mounts": st.lists(
        st.sampled_from(
            [{"Type": kind, "Source": "/srv/m", "Target": "/m", "ReadOnly": True} for kind in ("bind", "npipe")]
            + [{"Type": "image", "Source": "app:1", "Target": "/i"}, {"Type": "volume", "Source": "v", "Target": "/v"}]
        ),
        max_size=2,
    ),
    "NetworkMode": _NETWORKS,
    "CapAdd": st.lists(st.sampled_from(("NET_RAW", "cap_sys_time", "all", "1")), max_size=2),
    "PidMode": st.sampled_from(("", "container:web", "host")),
    "PortBindings": st.dictionaries(
        st.just("80/tcp"), st.lists(st.fixed_dictionaries({}, optional=_PORTS), max_size=2), max_size=1
    ),
    "PublishAllPorts": st.booleans(),
    "Memory": st.sampled_from((0, 1 << 30)),
}
BODIES_OF: dict[str, st.SearchStrategy[Json]] = {
    "ContainerCreate": st.fixed_dictionaries(
        {"Image": st.sampled_from((*IMAGES, ""))},
        optional={
            "User": st.sampled_from(("", "root", "1000:1000")),
            "HostConfig": st.fixed_dictionaries({}, optional=_HOST_CONFIG),
            "NetworkingConfig": st.fixed_dictionaries(
                {"EndpointsConfig": st.dictionaries(_NETWORKS, st.just({}), max_size=2)}
            ),
            "Unknown": st.just("x" * 500),
        },
    ),
    "ContainerExec": st.fixed_dictionaries(
        {"Cmd": st.lists(_TEXTS | st.just("**"), max_size=2)}, optional={"Privileged": st.booleans()}
    ),
    "NetworkConnect": st.fixed_dictionaries({}, optional={"Container": _TEXTS}),
    "NetworkDisconnect": st.fixed_dictionaries({}, optional={"Container": _TEXTS}),
    "SystemAuth": st.fixed_dictionaries({}, optional={"serveraddress": st.sampled_from(("", "reg.example", "x y"))}),
    "VolumeCreate": st.fixed_dictionaries({}, optional={"Name": _TEXTS, "DriverOpts": st.just({"o": "bind"})}),
}
"""For some operations, bodies that need one thing or another; of the others an ordinary one."""

BEARING = tuple(operation for operation in OPERATIONS.values() if find_words(operation))

LISTS = st.one_of(
    st.lists(records(), max_size=30),
    *(
        st.sampled_from(among).flatmap(lambda operation: st.lists(records((operation,)), min_size=2, max_size=8))
        for among in (BEARING, [OPERATIONS[name] for name in BODIES_OF])
    ),
)
"""Lists of records, two of three of one operation."""
