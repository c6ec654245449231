"""Documents that are policy files, and documents that are nearly so."""

import copy
from collections.abc import Iterator
from typing import Any, Final

from hypothesis import strategies as st

from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.groups import GROUPS, PRESET
from dockerproxy.config.presets import PRESETS
from dockerproxy.policy.model import Mode
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.values import Takes
from dockerproxy.policy.vocabulary import CONSTRAINTS, find_words
from dockerproxy.policy.words.constraint import Constraint

WORDS: Final = (
    OWN,
    *OPERATIONS,
    *(word for word, operations in GROUPS.items() if operations),
    *(PRESET + name for name in PRESETS),
)
"""Every grant there is."""

FITTING: Final = {
    **dict.fromkeys(CONSTRAINTS, ("web", "db-*", "0123", "on")),
    "images": ("nginx", "ghcr.io/acme/**"),
    "path": ("/data/**", "/etc/hosts", "/"),
    "signal": ("HUP", "USR1", "9"),
    "tags": ("ci/*", "ghcr.io/acme/app:1"),
    "binds": ("/srv/*", "/etc/localtime:ro", "/data:rw"),
    "subnets": ("10.9.0.0/16", "fd00::/8"),
    "add_capabilities": ("NET_BIND_SERVICE", "CAP_CHOWN", "ALL"),
    "memory": ("512MiB", "2GiB", 1048576),
    "cpus": ("0.5", 0.5, 2),
    "pids": ("100", 100),
    "gpus": ("all", "2", 1),
    "devices": ("/dev/fuse", "/dev/dri/*"),
}
"""Items that a list of each condition can have, or amounts."""

PUBLISHED: Final = st.fixed_dictionaries(
    {},
    optional={
        "ports": st.lists(st.sampled_from([80, "8000-8999", "0"]), min_size=1, max_size=2),
        "addresses": st.lists(st.sampled_from(["127.0.0.1", "::1"]), min_size=1, max_size=2),
    },
).filter(bool)

JUNK: Final[tuple[Any, ...]] = (
    *(None, True, -1, 1.5, "", "no such thing", "/", "preset:nothing", "containers", "containers: read", "enforced"),
    *([], {}, [[]], [None], [{}], {"": None}, {"ContainerList": {"follow": False}}, {"ContainerLogs": ["follow"]}),
    *(
        {"ContainerLogs": {"follow": None}},
        {"ContainerLogs": {"containers": []}},
        [{"ContainerLogs": {"follow": True}}],
    ),
    *("unrestricted", {"unrestricted": True}, {"unrestricted": False}, {"ContainerCreate": "unrestricted"}),
    *({"ContainerCreate": {"labels": {"a": None}}}, {"ContainerCreate": {"memory": []}}, {"ports": [], "x": []}),
)
"""What may stand in the place of anything."""


TAKEN: Final[dict[Takes, st.SearchStrategy[object]]] = {
    Takes.FLAG: st.booleans(),
    Takes.YES: st.just(True),  # noqa: FBT003 (it is a value)
    Takes.LABELS: st.dictionaries(st.sampled_from(["owner", "a.b/c"]), st.sampled_from(["ci", ["ci", 7]]), min_size=1),
    Takes.TEXTS: st.dictionaries(st.sampled_from(["CI", "_A1"]), st.sampled_from(["ci", "", 7, True]), min_size=1),
    Takes.LISTS: st.lists(st.sampled_from([["sh"], ["pg_dump", "**"], ["ls", "-*", 1]]), min_size=1, max_size=2),
    Takes.PORTS: PUBLISHED,
}


def values_of(word: Constraint) -> st.SearchStrategy[object]:
    if word.takes is Takes.CHOICE:
        return st.sampled_from(word.choices)
    if word.takes in TAKEN:
        return TAKEN[word.takes]
    fitting = st.sampled_from(FITTING[word.name])
    return fitting if word.takes is Takes.AMOUNT else st.lists(fitting, min_size=1, max_size=3)


@st.composite
def grants(draw: st.DrawFn) -> object:
    """Generate an item of `allow`."""
    name = draw(st.sampled_from(sorted(OPERATIONS)))
    operation = OPERATIONS[name]
    if draw(st.booleans()):
        return draw(st.sampled_from(WORDS))
    words = find_words(operation)
    borne = draw(st.sets(st.sampled_from(sorted(words)))) if words else set()
    word = draw(st.sampled_from([name, f"{operation.section}:{operation.access}"]))
    opens = name in CONTAINED and draw(st.booleans())
    if opens and not borne:
        return {word: draw(st.sampled_from(["unrestricted", {"unrestricted": True}]))}
    conditions = {name: draw(values_of(words[name])) for name in sorted(borne)} | (
        {"unrestricted": True} if opens else {}
    )
    return {word: conditions or draw(st.sampled_from([None, {}]))}


@st.composite
def sockets(draw: st.DrawFn, name: str) -> dict[str, object]:
    optional = {
        "permissions": st.sampled_from(["0660", "600"]),
        "owner": st.integers(0, 2**32 - 2) | st.just("1000"),
        "group": st.integers(0, 2**32 - 2),
        "limits": st.fixed_dictionaries(
            {},
            optional={
                "body": st.sampled_from(["4MiB", "65536", 65536]),
                "rate": st.sampled_from(["1", 1000]),
                "header_timeout": st.sampled_from(["0.5", 10, 2.5]),
            },
        ).filter(bool),
        "mode": st.sampled_from([mode.value for mode in Mode]),
        "deny": st.none() | st.lists(st.sampled_from(WORDS[1:]), max_size=2),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(optional))))
    socket: dict[str, object] = {"path": f"/proxied/{name}.sock"}
    socket |= {key: draw(optional[key]) for key in sorted(chosen)}
    if socket.get("mode") == Mode.LEARN and draw(st.booleans()):
        return socket
    return {**socket, "allow": draw(st.none() | st.lists(grants(), max_size=3))}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, object]:
    """Generate policy files that are made as they must be, whatever their grants mean together."""
    names = draw(st.sets(st.sampled_from(["a", "traefik", "new-thing", "0.x_y"]), min_size=1, max_size=3))
    document: dict[str, object] = {"sockets": {name: draw(sockets(name)) for name in sorted(names)}}
    return {"engine": "/run/docker.sock", **document} if draw(st.booleans()) else document


@st.composite
def mutations(draw: st.DrawFn) -> object:
    """Generate documents with something added, taken out or put in another's place."""
    document: Any = copy.deepcopy(draw(documents()))
    for _ in range(draw(st.integers(1, 2))):
        places = list(find_places(document))
        if not places:
            return draw(st.sampled_from(JUNK))
        parent, key = draw(st.sampled_from(places))
        change = draw(st.sampled_from(["put", "add", "drop"]))
        if change == "drop":
            del parent[key]
        elif change == "put" or isinstance(parent, list):
            parent[key] = copy.deepcopy(draw(st.sampled_from(JUNK)))
        else:
            added = draw(
                st.sampled_from(
                    [
                        *("engine", "path", "group", "follow", "ContainerStop", "containers:read", "A b"),
                        *("unrestricted", "memory", "ports"),
                    ]
                )
            )
            parent[added] = copy.deepcopy(draw(st.sampled_from(JUNK)))
    return document


def find_places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Find all that is in a document, as a collection and an index."""
    if isinstance(node, dict | list):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from find_places(node[key])
