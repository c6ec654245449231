"""Read a request by the table of its operation. Known fields within limits are written anew.

Attacks: docs/attacks.md, policy/reader.
"""

import re
from collections.abc import Container, Mapping
from typing import Final

from dockerproxy.api.bodies.tables import ALWAYS, FREE, Body, Field, Node, Type
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import MOST_FAULTS, MOST_LOOKUPS, Known, Object, Reading, run_check
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.vocabulary import CHECKS
from dockerproxy.policy.words.user import bind_users
from dockerproxy.text import fold, lower
from dockerproxy.wire.document import Json, show

MOST_ENTRIES: Final = 8192
"""Entries of all lists and objects in a body, except those of texts. 1,024 ports have 5,120 entries."""

_IS_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}").fullmatch
"""A key that a message can show unquoted."""

_CONTAINERS: Final = (dict, list)
_MAY_BE_NOTHING: Final = frozenset({Type.OBJECT, Type.EMPTY, Type.LIST, Type.MAP, Type.WORDS})
"""Types of map values for which null means empty. It is not a value of other types."""


def read_request(body: Body, request: CanonicalRequest, known: Known) -> Reading:
    """Read the claims of a request besides its path, by the table of its operation."""
    reading = Reading(
        request=request,
        answers=known.answers,
        found=known.found,
        places=known.places,
        client=known.client,
        most_ports=known.most_ports,
    )
    content = known.body[0] if known.body is not None else None
    _read_query(reading, body.parameters)
    _read_object(reading, body.of_object, known.found)
    if content is not None:
        reading.content = _Reader(reading).read(body.root, content, "")
    elif not body.optional:
        reading.violate("the body", None, "is missing")
    for name, each in body.of_head.items():  # After the body. Engines differ in which value they read.
        values = reading.header(name)
        if values or each.rule.endswith(ALWAYS):
            _check(reading, each, values, name, {})
    bind_users(reading)
    asked = {lookup.target for claim in reading.claims for lookup in (claim.lookup, claim.later) if lookup}
    if len(asked) > MOST_LOOKUPS:
        reading.violate("the body", None, f"names more than {MOST_LOOKUPS} objects")
    return reading


def _read_query(reading: Reading, parameters: Mapping[str, Field]) -> None:
    """Check the query parameters. Each must have its exact spelling, and occur once unless it is a list."""
    given: dict[str, list[str]] = {}
    for name, value in reading.request.query:
        if name in parameters and parameters[name].rule == "aside":
            reading.query[name] = ()
        else:
            given.setdefault(name, []).append(value)
    for name, values in given.items():
        if name.endswith("[]") or (name not in parameters and f"{name}[]" not in parameters):
            shown = name if _IS_PLAIN_KEY(name) else show(name)
            reading.violate(f"?{shown}", " ".join(values), "not a known parameter")
        elif name in parameters and len(values) > 1:
            reading.violate(f"?{name}", " ".join(values), "a repeated parameter")
    parent: Object = {name: list[Json](values) for name, values in given.items()}
    for name, each in parameters.items():
        if each.rule in FREE:
            continue
        listed = given.get(name.removesuffix("[]"))
        if listed is None and not each.rule.endswith(ALWAYS):
            continue
        whole: Json = None if listed is None else list[Json](listed) if name.endswith("[]") else listed[0]
        checked = _check(reading, each, whole, f"?{name.removesuffix('[]')}", parent)
        if listed is not None and checked != whole:
            left = checked if isinstance(checked, list) else [] if checked is None else [checked]
            reading.query[name.removesuffix("[]")] = tuple(map(str, left))


def _read_object(reading: Reading, fields: Mapping[str, Field], found: ResolvedObject | None) -> None:
    """Check the object as the engine shows it."""
    for path, each in fields.items():
        first, *others = path.split(".")
        value = found.document.get(lower(first)) if found is not None else None
        for part in others:
            value = value.get(part) if isinstance(value, dict) else None
        _check(reading, each, value, path, {})  # type: ignore[arg-type] # it was read as JSON


class _Reader:
    """Reads one body."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._left = MOST_ENTRIES

    def read(self, node: Node, value: Json, path: str) -> Json:
        """Return a value as the engine will read it, and record its violations."""
        if node.type is Type.WORDS and isinstance(value, str):
            value = [value]
        is_plain = _is_plain(node, value)
        if isinstance(value, _CONTAINERS) and not self._has_room(node, value, path, is_plain=is_plain):
            return None
        if is_plain or (value is None and node.type is not Type.OBJECT):
            return value
        if node.type is Type.OBJECT:
            return self._read_object(node, value, path)
        if node.item is not None and node.type is Type.LIST and isinstance(value, list):
            return [self._read_item(node.item, item, f"{path}[{number}]") for number, item in enumerate(value)]
        if node.item is not None and node.type is Type.MAP and isinstance(value, dict):
            read = self._read_item
            return {key: read(node.item, item, f"{path}[{show(key)}]", _MAY_BE_NOTHING) for key, item in value.items()}
        self._reading.violate(path or "the body", value, f"not of type {node.type}")
        return None

    def _has_room(self, node: Node, value: Object | list[Json], path: str, *, is_plain: bool) -> bool:
        """Count a list or object. Returns whether to read it."""
        reading = self._reading
        items = value if isinstance(value, list) else value.values()
        # A nested list counts as its items, or as one if it is empty.
        if node.most and sum(len(item) or 1 if isinstance(item, list) else 1 for item in items) > node.most:
            reading.violate(path or "the body", None, f"has more than {node.most} items")
            return False
        if is_plain:
            return True
        self._left -= len(value)
        if self._left < 0:
            reading.violate("the body", None, f"has more than {MOST_ENTRIES} entries")
        return self._left >= 0 and len(reading.violations) < MOST_FAULTS

    def _read_item(self, node: Node, value: Json, path: str, may_be_null: Container[Type] = ()) -> Json:
        """Read an item of a list, or a value of a map."""
        if value is None and node.type in may_be_null:
            return None
        if value is None:
            self._reading.violate(path, None, "is null")
        return self.read(node, value, path)

    def _read_object(self, node: Node, value: Json, path: str) -> Json:
        given = {} if value is None else value
        if not isinstance(given, dict):
            self._reading.violate(path or "the body", value, f"not of type {Type.OBJECT}")
            return None
        prefix = f"{path}." if path else ""
        found = dict(given) if given.keys() <= node.spelled.keys() else self._spell(node, given, prefix)
        for name, below in self._read_fields(node, found, prefix):
            found[name] = _check(self._reading, below, found[name], prefix + name, found)
        for name, below in node.always:
            if found.get(name) is None:
                made = self._read_object(below, None, prefix + name) if below.type is Type.OBJECT else None
                made = _check(self._reading, below, made, prefix + name, found)
                if made:
                    found[name] = made
        return found if value is not None or found else None

    def _spell(self, node: Node, value: Object, prefix: str) -> Object:
        """Return an object's members under their canonical names."""
        found: Object = {}
        for key, item in value.items():
            name, below = node.keys.get(fold(key), (key, None))
            if below is None:
                if item is not None:  # Null means missing, and is removed: docker-py sends it for the network.
                    shown = key if _IS_PLAIN_KEY(key) else show(key)
                    self._reading.violate(prefix + shown, item, "not a known field")
            elif name in found:
                self._reading.violate(prefix + name, item, "a repeated field")
            elif below.rule != "aside":
                found[name] = item
        return found

    def _read_fields(self, node: Node, found: Object, prefix: str) -> list[tuple[str, Node]]:
        """Read an object's members. Returns those to check."""
        checked: list[tuple[str, Node]] = []
        for name, item in found.items():
            if item is None:
                continue
            below = node.spelled[name]
            # Most values are a text, flag or number, or empty.
            if type(item) is not below.read_as or (item and not below.is_scalar):
                item = found[name] = self.read(below, item, prefix + name)  # noqa: PLW2901 (what it is from here on)
            if not below.is_free and item is not None and (item or below.rule != "unset"):
                checked.append((name, below))
        return checked


def _is_plain(node: Node, value: Json) -> bool:
    """Whether a value needs no reading: a valid scalar, or a list or map of only these."""
    if node.is_scalar:
        return type(value) in node.plain
    if type(value) is not node.read_as or not isinstance(value, _CONTAINERS):
        return False
    return {*map(type, value if isinstance(value, list) else value.values())} <= node.plain


def _check(reading: Reading, line: Field | Node, value: Json, path: str, parent: Object) -> Json:
    """Check a value by its row of the table."""
    rule = line.rule
    check = _CHECKS.get(rule)
    if check is not None:
        return run_check(check, reading, value, path, parent)
    if rule in FREE:
        return value
    if rule.startswith(("=", "~")):
        if value not in ("", None, *rule[1:].split(",")):
            reading.violate(path, value, f"not allowed: {line.summary}")
        return None if rule.startswith("~") else value
    is_unset = value is None or (rule == "unset" and value in (_OFF if line.type is Type.BOOLEAN else _UNSET))
    if not is_unset:
        reading.violate(path, value, f"not allowed: {line.summary}")
    return value


_CHECKS: Final = {name + sign: check for name, check in CHECKS.items() for sign in ("", ALWAYS)}
"""Checks by the rule in a table."""

_UNSET: Final[tuple[Json, ...]] = (None, False, 0, "", [], {})

_OFF: Final = (*_UNSET, "0", "false", "False", "FALSE")
"""How a query parameter says false to each engine. In a body, a flag is not a text."""
