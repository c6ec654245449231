"""`names` of new objects, and words for objects by name, with the lookups that names need.

Docker prefers a name to an ID with that prefix, but also accepts the ID. So a name of only hexadecimal digits is looked
up, and the request is forwarded with that object's full ID. IDs of a swarm's networks are lowercase letters and digits,
like most names, so such names are looked up too. They stay if they are the network's own, since clients compare names.

Attacks: docs/attacks.md, policy/words/names.
"""

import re
from dataclasses import replace
from functools import partial
from typing import Final

from dockerproxy.policy.claim import Object, Reading, find_fault, objects_at, owned
from dockerproxy.policy.objects import VOLUME_CREATE, Kind, ResolvedObject, is_full_id
from dockerproxy.policy.objects import WORDS as KIND_WORDS
from dockerproxy.policy.subtrees import is_ours
from dockerproxy.policy.words.constraint import Objects
from dockerproxy.policy.words.spellings import is_id_of_swarm
from dockerproxy.text import lower
from dockerproxy.wire.document import Json, show

_OF_ENGINES: Final = frozenset({"docker_gwbridge", "ingress", "podman-default-kube-network", "aardvark.pid"})
"""Networks that a swarm and `podman kube play` find by these names, or make (moby libnetwork/default_gateway.go,
setupDefaultGW; podman pkg/domain/infra/abi/play.go); and a file in the directory of all networks' files, without
which no container of any network starts (netavark dns/aardvark.rs)."""

_LIKE_AN_ID: Final = partial(re.fullmatch, "[0-9a-f]{12,64}")

IS_NAME: Final = partial(re.fullmatch, r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
"""Valid names of containers and volumes in Docker. It may take others for a path or a link."""

MAY_BE_ID: Final = partial(re.fullmatch, r"(sha256:)?[0-9a-f]*")
_MAY_BE_OF_SWARM: Final = partial(re.fullmatch, r"[0-9a-z]{1,25}")
"""A swarm's IDs have 25 such characters (moby/swarmkit identity, NewID), and engines accept a prefix."""

_OF_SWARM: Final = {
    "ServiceCreate": Kind.SERVICE,
    "SecretCreate": Kind.SECRET,
    "ConfigCreate": Kind.CONFIG,
    "NetworkCreate": Kind.NETWORK,
}
_BEGINS_LIKE_ONE: Final = partial(re.fullmatch, "[0-9a-z]{12,24}")


def check_names(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A new name must be granted, and must not look like an ID, which could shadow another object.

    Engines drop a leading slash only in the query. `Name` in a body may be known to a swarm.
    """
    name = value if isinstance(value, str) else ""
    name = name.removeprefix("/") if path == "?name" else name
    begun = _find_begun(reading, name)
    found = reading.find(*begun) if begun is not None else None
    captures = _LIKE_AN_ID(name) is not None if begun is None else False
    if begun is not None and found is not None and found.document:
        captures = begun[1] not in map(lower, found.names)
    if name and not IS_NAME(name):
        reading.violate(path, value, "not a valid name")
    elif is_ours(name) and reading.request.operation.name == VOLUME_CREATE:
        reading.violate(path, value, "not allowed: the proxy keeps such names for itself")
    elif (path == "Name" and is_id_of_swarm(name)) or captures:
        reading.violate(path, value, "ambiguous: it looks like an object ID")
    if reading.request.operation.name == "NetworkCreate" and name in _OF_ENGINES:
        reading.violate(path, value, "not allowed: an engine has another use for that name")
    missing = "a name that no rule allows" if name else "is missing, but must be a name that a rule allows"
    later = reading.lookup(*begun) if begun is not None and found is None else None
    reading.claim("names", named(name) if name else None, path, value if name else None, missing, later=later)


def check_unique(_reading: Reading, _value: Json, _path: str, _parent: Object) -> Json:
    """The engine must refuse an existing name. Docker before 1.44 only did so if asked, and Podman still does."""
    return True


def named(*names: str) -> ResolvedObject:
    """Return an object that is judged only by name."""
    return ResolvedObject(names[0], names)


def resolve(reading: Reading, kind: Kind, name: str) -> ResolvedObject | None:
    """Return the object that a name means; None if it must be looked up first."""
    found = reading.find(kind, name)
    if MAY_BE_ID(name):
        return found
    if not _MAY_BE_OF_SWARM(name):
        return named(name) if found is None or not found.document else found
    return replace(found, id=name) if found is not None and name in found.names and name != found.id else found


def _find_begun(reading: Reading, name: str) -> tuple[Kind, str] | None:
    """Return the lookup that tells whether a name is an ID prefix: Testcontainers uses 12 digits of network IDs."""
    kind, text = _OF_SWARM.get(reading.request.operation.name), lower(name)
    is_short = kind is Kind.NETWORK and _LIKE_AN_ID(name) is not None and not is_full_id(name)
    return (kind, text) if kind is not None and (is_short or _BEGINS_LIKE_ONE(text)) else None


def check_references(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each secret or config must be granted.

    The name must belong to the ID, and the full ID is forwarded.
    """
    kind = Kind.SECRET if path.endswith("Secrets") else Kind.CONFIG
    by_name, by_id = f"{kind.capitalize()}Name", f"{kind.capitalize()}ID"
    for where, reference in objects_at(value, path):
        name, identity = reference.get(by_name), reference.get(by_id)
        if not isinstance(name, str) or not isinstance(identity, str):
            reading.violate(where, None, f"must have {by_name} and {by_id}")
        elif not IS_NAME(identity):
            reading.violate(f"{where}.{by_id}", identity, f"not a valid {kind} ID")
        else:
            found, lookup = reading.resolve(kind, identity)
            says, mine = f"a {kind} that no rule allows", owned(found, lookup)
            is_other = found is not None and (not found.document or name not in found.names)
            not_its_id = f"not the ID of the {kind} {show(name)}"
            wrong = find_fault(f"{where}.{by_id}", identity, not_its_id) if is_other else None
            at_name, word = f"{where}.{by_name}", KIND_WORDS[kind]
            reading.claim(word, named(name), at_name, name, says, later=lookup, wrong=wrong, owned=mine)
            reference[by_id] = identity if found is None else found.id


WORDS: Final = (
    Objects("configs", "which configs of a swarm, by name or glob; which may be read"),
    Objects("containers", "which containers, by name, glob or full id", narrows=True),
    Objects("names", "which names it may have; the client must give one", narrows=True),
    Objects("pods", "which pods, by name, glob or full id"),
    Objects("secrets", "which secrets, by name or glob; which may be read"),
    Objects("services", "which services, by name, glob or full id", narrows=True),
)
CHECKS: Final = (check_names, check_references, check_unique)
