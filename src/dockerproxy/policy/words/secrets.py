"""Which secrets and configs of a swarm a service reads.

Attack: the id of one with the name of another, the beginning of an id, or a name for it -> Defence: the engine is asked
what the id means. That must have the name, the name must be granted, and the request goes on under the whole id.
A name cannot be given to another one while it exists.
"""

from dockerproxy.policy.claim import Object, Reading, find_fault, objects_at, owned
from dockerproxy.policy.objects import WORDS, Kind
from dockerproxy.policy.words.names import IS_NAME, named
from dockerproxy.wire.document import Json, show


def check_secrets(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each secret is one that is granted."""
    for where, reference in objects_at(value, path):
        _check_reference(reading, reference, where, Kind.SECRET)


def check_configs(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each config is one that is granted."""
    for where, reference in objects_at(value, path):
        _check_reference(reading, reference, where, Kind.CONFIG)


def _check_reference(reading: Reading, reference: Object, path: str, kind: Kind) -> None:
    """Look whether what is named is granted, and is what the id means; it goes on under that object's whole id."""
    by_name, by_id = f"{kind.capitalize()}Name", f"{kind.capitalize()}ID"
    name, identity = reference.get(by_name), reference.get(by_id)
    if not isinstance(name, str) or not isinstance(identity, str):
        reading.violate(path, None, f"must have {by_name} and {by_id}")
        return
    if not IS_NAME(identity):
        reading.violate(f"{path}.{by_id}", identity, f"not a valid {kind} ID")
        return
    found, lookup = reading.resolve(kind, identity)
    says = f"a {kind} that no rule allows"
    is_other = found is not None and (not found.document or name not in found.names)
    not_its_id = f"not the ID of the {kind} {show(name)}"
    wrong = find_fault(f"{path}.{by_id}", identity, not_its_id) if is_other else None
    mine = owned(found, lookup)
    reading.claim(WORDS[kind], named(name), f"{path}.{by_name}", name, says, later=lookup, wrong=wrong, owned=mine)
    if found is not None:
        reference[by_id] = found.id
