"""Read the engine's descriptions of objects, in lookups and lists: their identity and owner.

Attacks: docs/attacks.md, policy/descriptions.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from dockerproxy.owner_labels import OWNER, find_owner
from dockerproxy.policy.objects import BY_REFERENCE, EVERY, OWNED, SAVING, Kind, Lookup, ResolvedObject, ask, is_full_id
from dockerproxy.policy.references import parse_reference, with_default_tag
from dockerproxy.text import lower
from dockerproxy.wire.document import list_of, object_of, read_engine_json

_ID: Final = re.compile(r"(sha256:)?[A-Za-z0-9][A-Za-z0-9_.-]*")
"""A valid ID for a path. Other text could be read as several segments."""

_STEP: Final = "#(nop) "

_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
).fullmatch

_SPECIFIED: Final = frozenset({Kind.SERVICE, Kind.SECRET, Kind.CONFIG})
"""Swarm objects, whose names are in their specification."""


def read_object(lookup: Lookup, content: bytes, version: str) -> ResolvedObject | Lookup | None:
    """Read the engine's answer to a lookup; None if it is invalid.

    An exec only names its container: the further lookup uses the version as prefix.
    """
    if lookup.of is not None:
        return prove_owner(lookup, read_image_labels(content))
    fields = _read_document(content)
    if lookup.kind is Kind.ENGINE and fields is not None:
        return ResolvedObject("", (), document=fields)
    return None if fields is None else read_fields(lookup, fields, version)


def read_security(options: object) -> frozenset[str]:
    """Return an engine's security options by name, like `rootless`, from `name=seccomp,profile=builtin`."""
    return frozenset(str(each).partition(",")[0].removeprefix("name=") for each in list_of(options))


def _read_document(content: bytes) -> Mapping[str, object] | None:
    document = read_engine_json(content)
    return {lower(str(key)): value for key, value in document.items()} if isinstance(document, dict) else None


def read_image_labels(content: bytes) -> Mapping[str, object] | None:
    """Return an image's labels from its description; None if it is invalid."""
    fields = _read_document(content) or {}
    return read_labels(Kind.IMAGE, fields) if isinstance(fields.get("config"), dict) else None


def prove_owner(lookup: Lookup, inherited: Mapping[str, object] | None) -> ResolvedObject:
    """Return the container of a lookup with its owner, by the labels of its image; unowned if they are unknown."""
    found = lookup.of or ResolvedObject(lookup.name, ())
    return found if inherited is None else replace(found, belongs_to=find_owner(found.labels, inherited))


def has_labels(content: bytes, labels: Mapping[str, str]) -> bool:
    """Whether the description of a volume or network has labels."""
    return labels.items() <= read_labels(Kind.VOLUME, _read_document(content) or {}).items()


def read_fields(lookup: Lookup, fields: Mapping[str, object], version: str) -> ResolvedObject | Lookup | None:
    """Read an object's description with lowercase keys, from a lookup or a list."""
    own = _identity(fields.get("name" if lookup.kind is Kind.VOLUME else "id"))
    if not own:
        return None
    owner = OWNED.get(lookup.kind)
    if owner is not None:
        parent = Kind.CONTAINER if lookup.kind is Kind.EXEC else Kind.SERVICE
        name = _identity(fields.get(owner))
        further = ask(parent, name, version, lookup.operation)
        return replace(further, acts_on=own, document=fields) if name else None
    names, labels = _read_names(lookup.kind, fields), read_labels(lookup.kind, fields)
    found = ResolvedObject(lookup.acts_on or own, names, subject=own, document=lookup.document or fields, labels=labels)
    if lookup.kind is Kind.IMAGE:
        return _read_image(lookup, found)
    if lookup.kind is not Kind.CONTAINER:
        return replace(found, belongs_to=find_owner(labels, {}))
    image = _identity(fields.get("imageid") or fields.get("image"))
    if OWNER not in labels or not is_full_id(image) or _is_step(fields):  # A name may mean another image by now.
        return found
    # Podman serves its own API only with a version. Both engines describe images under this one path.
    return Lookup(Kind.CONTAINER, image, f"/images/{image}/json", lookup.operation, of=found)


def _is_step(fields: Mapping[str, object]) -> bool:
    """Whether the classic builder made a container for a step of a Dockerfile, with labels that its image lacks.

    It marks the command (builder/dockerfile/internals.go, withCmdComment). Who forges that disowns its own container.
    """
    command = object_of(fields.get("config")).get("Cmd")
    return _STEP in list_of(command) or _STEP in _text(fields.get("command"))


def read_labels(kind: Kind, fields: Mapping[str, object]) -> Mapping[str, object]:
    """Return an object's labels from its description or a list."""
    place = fields.get("spec" if kind in _SPECIFIED else "config")
    return object_of(place.get("Labels") if isinstance(place, dict) else fields.get("labels"))


def _read_names(kind: Kind, fields: Mapping[str, object]) -> tuple[str, ...]:
    if kind is Kind.IMAGE:
        texts = [_text(text) for field in ("repotags", "repodigests") for text in list_of(fields.get(field))]
        return tuple(str(reference) for text in texts if (reference := parse_reference(text)) is not None)
    if kind in _SPECIFIED:
        named: object = object_of(fields.get("spec")).get("Name")
    else:
        named = fields.get("name")
    name = _text(named).removeprefix("/")
    if kind is Kind.CONTAINER and not name:  # A list also contains names from links: `/web/db`.
        names = (_text(each).removeprefix("/") for each in list_of(fields.get("names")))
        name = next((each for each in names if "/" not in each), "")
    return (name,) if name else ()


def _read_image(lookup: Lookup, found: ResolvedObject) -> ResolvedObject:
    """Return an image as it is judged: by any name, also if saved by ID; by the name that is acted on; or by all."""
    if lookup.operation.name in EVERY:
        return _with_every_name(found)
    if lookup.operation.name not in BY_REFERENCE:
        return found
    reference = parse_reference(lookup.name)
    name = str(with_default_tag(reference)) if reference is not None else ""
    if name in found.names:
        # Without ID: another image may have the name by the time of the action.
        return ResolvedObject(name, (name,))
    return found if lookup.operation.name in SAVING else _with_every_name(found)


def _with_every_name(found: ResolvedObject) -> ResolvedObject:
    """Return an image that is judged by all its names. A digest is not a name if its repository has a tag."""
    tagged = {name.rpartition(":")[0] for name in found.names if "@" not in name}
    names = tuple(name for name in found.names if name.partition("@")[0] not in tagged)
    return replace(found, names=names, every=True)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _identity(value: object) -> str:
    """Return an ID that is safe in a path; empty if it is not."""
    text = _text(value)
    return text if _ID.fullmatch(text) else ""


def find_time(found: ResolvedObject) -> float:
    """Return the creation time in seconds since 1970; 0 if missing."""
    value = found.document.get("created") or found.document.get("createdat")
    return value if isinstance(value, int | float) else read_moment(str(value)) or 0.0


def read_moment(text: str) -> float | None:
    """Parse a date with zone to seconds since 1970; None if invalid."""
    from datetime import datetime  # noqa: PLC0415 (few requests ask for a time)

    try:
        return datetime.fromisoformat(text).timestamp() if _MOMENT(text) else None
    except ValueError:
        return None
