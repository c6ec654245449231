"""Who is put into which network: the container that a body or a parameter names, and the network of the path.

Attack: an id of it, or the beginning of one -> Defence: the engine is asked; it goes on under the whole id.
Attack: Docker's `web/db`, by which a linked container may be named -> Defence: a name has no slash.
Attack: a network of which the grant says nothing, or the host's -> Defence: only the engine's own are joined then, and
the host's never.
"""

from dockerproxy.policy.claim import Object, Reading, owned
from dockerproxy.policy.claims.names import IS_NAME, named
from dockerproxy.policy.claims.networks import BY_ITSELF
from dockerproxy.policy.constraints.networks import Joined
from dockerproxy.policy.objects import Kind, ResolvedObject, find_object
from dockerproxy.wire.document import Json


def check_container(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """The container is one that the grant lists; any, if it does not say. Return its whole id."""
    if not isinstance(value, str) or not IS_NAME(value):
        reading.claim("containers", None, path, value or None, "not a valid container name" if value else "is missing")
        return None
    found, lookup = reading.resolve(Kind.CONTAINER, value)
    says = "a container that no rule allows"
    reading.claim("containers", found, path, value, says, lookup=lookup, owned=owned(found, lookup))
    return found.id if found is not None and found.document else None


def check_connected(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """The network that is joined is granted, or else one of the engine's own; and it is never the host's."""
    if value == "host":
        reading.violate(path, value, "not allowed: it is the host's network")
    else:
        name = value if isinstance(value, str) else _name_of(reading)
        joined = Joined(reading.found or named(name), isinstance(value, str) and value in BY_ITSELF)
        reading.claim("networks", joined, "the network", name, "which no rule allows", owned=reading.found)


def _name_of(reading: Reading) -> str:
    """Return how the client spells the network, which the engine does not know."""
    named = find_object(reading.request)
    return named.id if isinstance(named, ResolvedObject) else named.name if named is not None else ""
