"""Who is put into which network: the container that a body or a parameter names, and the network of the path.

How one would get a container into a network that is not its own, and what stops it: another name of it (an id or the
beginning of one; the engine is asked, and a body goes on under the whole id); Docker's `web/db`, by which a linked
container may be named (a name has no slash); a network of which the grant says nothing (only the engine's own are
joined then); the network of the host.

A parameter of the query goes on as it came. What could take the place of a container by the time it is acted on is one
that is named like the beginning of the id: a container of the client's own making.
"""

from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.bodies.naming import IS_NAME, is_listed
from dockerproxy.policy.bodies.networking import BY_ITSELF
from dockerproxy.policy.objects import Found, Kind, find_object
from dockerproxy.wire.document import Json


def check_container(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """The container is one that the grant lists; any, if it does not say. Return its whole id."""
    del around
    if "containers" not in seen.bounds:
        return value
    if not isinstance(value, str) or not value:
        seen.fault(path, None, "is missing", "containers")
        return value
    if not IS_NAME(value):
        seen.fault(path, value, "which is no name of a container")
        return value
    found = seen.ask(Kind.CONTAINER, value)
    if found is None:
        return value
    if not is_listed(seen, "containers", found):
        seen.fault(path, value, "which is none of the granted containers", "containers", found.names[:1])
    return found.id if found.document else value


def check_connected(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """The network that is joined is granted, or else one of the engine's own; and it is never the host's."""
    del around
    if value == "host":
        seen.fault(path, value, "and the host's network is for unrestricted grants")
    elif "networks" not in seen.bounds and not (isinstance(value, str) and value in BY_ITSELF):
        name = value if isinstance(value, str) else _name_of(seen)
        seen.fault("the network", name, "and that network is not granted", "networks", (name,))
    return value


def _name_of(seen: Inspection) -> str:
    """Return how the client spells the network, which the engine does not know."""
    named = find_object(seen.request)
    return named.id if isinstance(named, Found) else named.name if named is not None else ""
