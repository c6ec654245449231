"""Which secrets and configs of a swarm a service reads.

How one would read another's, and what stops it: the id of one with the name of another, the beginning of an id, or a
name in its place. The engine is asked what the id means, that must have the name, the name must be granted, and the
request goes on under the whole id. A name cannot be given to another one while it exists.
"""

from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.bodies.naming import IS_NAME, matches
from dockerproxy.policy.objects import WORDS, Kind
from dockerproxy.wire.document import Json, show


def check_secrets(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each secret is one that is granted."""
    del around
    return _check_references(seen, value, path, Kind.SECRET)


def check_configs(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each config is one that is granted."""
    del around
    return _check_references(seen, value, path, Kind.CONFIG)


def _check_references(seen: Inspection, value: Json, path: str, kind: Kind) -> Json:
    for number, reference in enumerate(value if isinstance(value, list) else ()):
        if isinstance(reference, dict):
            _check_reference(seen, reference, f"{path}[{number}]", kind)
    return value


def _check_reference(seen: Inspection, reference: Object, path: str, kind: Kind) -> None:
    """Look whether what is named is granted, and is what the id means; it goes on under that object's whole id."""
    by_name, by_id = f"{kind.capitalize()}Name", f"{kind.capitalize()}ID"
    name, identity = reference.get(by_name), reference.get(by_id)
    if not isinstance(name, str) or not isinstance(identity, str):
        seen.fault(path, None, f"must have {by_name} and {by_id}")
        return
    if not matches(seen, WORDS[kind], name):
        seen.fault(f"{path}.{by_name}", name, f"and no {kind} of that name is granted", WORDS[kind], (name,))
        return
    if not IS_NAME(identity):
        seen.fault(f"{path}.{by_id}", identity, f"which is no id of a {kind}")
        return
    found = seen.ask(kind, identity)
    if found is None:
        return
    if not found.document or name not in found.names:
        seen.fault(f"{path}.{by_id}", identity, f"which is not the id of the {kind} {show(name)}")
    reference[by_id] = found.id
