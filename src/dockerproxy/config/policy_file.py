"""Read a policy file: sockets, each with what its clients may do. All mistakes are reported at once."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from dockerproxy.api.bodies.tables import SEALED
from dockerproxy.config.document import Fields, Node, Place, Text, read_file
from dockerproxy.config.grants import Line, check_lines, make_denials, read_allow, read_deny
from dockerproxy.config.limits import LIMITS, with_limits
from dockerproxy.config.near import hint_at, show
from dockerproxy.config.presets import SHELF
from dockerproxy.config.reader import Reader
from dockerproxy.config.values import DEFAULT_PERMISSIONS, Fault, read_id, read_limit, read_mode, read_path
from dockerproxy.errors import Problem, UserError
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.model import Mode, Policy, values_of
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.policy.wording import ADD, write_grant
from dockerproxy.settings import DEFAULTS, Limits, SocketSettings

KEYS: Final = ("engine", "sockets")
SOCKET_KEYS: Final = ("path", "permissions", "owner", "group", "own_as", "mode", "limits", "allow", "deny")

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
"""Valid socket names: each is a word of the log, and part of a file name."""

_NAME: Final = "use up to 63 lowercase letters and digits, and after the first also . _ and -"
_EXAMPLE: Final = "sockets: {NAME: {path: /proxied/NAME.sock, allow: [preset:NAME]}}"
_MEANT: Final = {
    "socket": "write each socket under its name: sockets: {NAME: {...}}",
    "path": "write path of a socket: sockets: {NAME: {path: ...}}",
    "allow": "write allow of a socket: sockets: {NAME: {allow: [...]}}",
    "deny": "write deny of a socket: sockets: {NAME: {deny: [...]}}",
    "version": "remove it; policy files have no version",
}
_MEANT_OF_SOCKET: Final = {
    "uid": "did you mean owner?",
    "user": "did you mean owner?",
    "gid": "did you mean group?",
    "chmod": "did you mean permissions?",
    "socket": "did you mean path?",
    "policy": "did you mean mode: enforce, report or learn?",
    "contained": "remove it; a grant is contained unless it says unrestricted",
    "unrestricted": "write it for each grant, like ContainerCreate: unrestricted",
    "engine": "write engine beside sockets; all sockets have the same engine",
    "max_body": "did you mean limits: {body: ...}?",
    "preset": "write allow: [preset:NAME]",
    "presets": "write allow: [preset:NAME]",
}


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What a policy file says: the engine, or nothing, and sockets in their order, with the places of their paths."""

    engine: str
    sockets: tuple[SocketSettings, ...]
    places: Mapping[str, Place]


_OF_PING: Final = frozenset({"SystemPing", "SystemPingHead", "SystemVersion"})
"""What nearly every client asks for at first."""


@dataclass(frozen=True, slots=True)
class Remedies:
    """How to allow what is not: where grants are, where denials are, and how to add a grant, for `propose`."""

    allow: str
    deny: str
    add: str


def _find_hint(name: str, remedies: Remedies, denied: Mapping[str, str], narrowed: Mapping[str, str]) -> str:
    """Say what to change to allow an operation.

    Operations that are denied, or granted under conditions, have the words of `deny` and `allow` that do it.
    """
    if name in denied:
        return f'to allow it, remove "{denied[name]}" from {remedies.deny}'
    if name in narrowed:
        whose = "its conditions" if narrowed[name] == name else f'the conditions of "{narrowed[name]}"'
        return f"to allow it, widen {whose} in {remedies.allow}"
    grant = "preset:ping" if name in _OF_PING else name
    grant = write_grant(name, values_of((UNRESTRICTED,))) if name in SEALED else grant
    what = "it if contained" if name in BODIES else "it"
    return remedies.add.replace("{what}", what).replace("{grant}", grant)


def make_policy(
    reader: Reader, allow: tuple[Line, ...], deny: tuple[Line, ...], mode: Mode, remedies: Remedies
) -> Policy:
    """Make a policy of what lines allow and deny."""
    denied = {operation: line.word for line in reversed(deny) for operation in line.operations}
    narrowed = {operation: line.word for line in allow if line.narrowed for operation in line.operations}
    return Policy(
        grants=tuple(grant for line in allow for grant in line.grants),
        denials=make_denials(reader, deny),
        hint=lambda operation: _find_hint(operation, remedies, denied, narrowed),
        mode=mode,
        remedy=remedies.add,
    )


def read_policy_file(path: str, limits: Limits = DEFAULTS) -> PolicyFile:
    """Read a policy file, whose sockets have these limits unless it says others; a `UserError` has every problem."""
    return read_policy(read_file(path), path, limits)


def read_policy(text: str, file: str, limits: Limits = DEFAULTS) -> PolicyFile:
    """Read the text of a policy file, as `read_policy_file` does."""
    reader = Reader(file)
    root = reader.compose(text)
    if root is None:
        reader.finish()
        raise UserError(Problem(file, "the file is empty", _EXAMPLE))
    fields = reader.fields(root, "the file", KEYS, _EXAMPLE, _MEANT)
    engine = _read_path(reader, fields, "engine")
    sockets: list[SocketSettings] = []
    paths: dict[str, Text] = {}
    for name, node in reader.entries(fields["sockets"], "sockets", _EXAMPLE) if "sockets" in fields else ():
        if NAME.fullmatch(name.text) is None:
            meant = f"did you mean {name.text.lower()}?" if NAME.fullmatch(name.text.lower()) else _NAME
            reader.problem(name.place, f"{show(name.text)} is not a valid socket name", meant)
        path, socket = _read_socket(reader, name, node, limits)
        sockets.append(socket)
        if path is not None:
            paths[socket.name] = path
    _check_paths(reader, paths, engine)
    if not sockets and not reader.problems:
        reader.problem(root.place, "missing sockets", _EXAMPLE)
    reader.finish()
    return PolicyFile(engine.text if engine else "", tuple(sockets), {name: path.place for name, path in paths.items()})


def _read_socket(reader: Reader, name: Text, node: Node, limits: Limits) -> tuple[Text | None, SocketSettings]:
    """Read a socket; what is wrong in it has its default, and is among the problems."""
    needed = {"path": f"path: /proxied/{name.text}.sock", "allow": "allow: [preset:NAME], or allow: [] for nothing"}
    fields = reader.fields(node, "a socket", SOCKET_KEYS, needed["path"], _MEANT_OF_SOCKET)
    mode = reader.value(fields.get("mode"), "mode", _read_mode, f"mode: {' or '.join(Mode)}") or Mode.ENFORCE
    if mode is Mode.LEARN:
        del needed["allow"]  # Learning finds out what the client needs.
    for key, hint in needed.items() if isinstance(node, Fields) else ():
        if key not in fields:
            reader.problem(name.place, f"missing {key} of socket {show(name.text)}", hint)
    path = _read_path(reader, fields, "path")
    allow = read_allow(reader, fields["allow"], SHELF) if "allow" in fields else ()
    deny = read_deny(reader, fields["deny"], SHELF) if "deny" in fields else ()
    check_lines(reader, allow, deny)
    of = f'of socket "{name.text}"'
    remedies = Remedies(f'"allow" {of}', f'"deny" {of}', f"{ADD} {of}")
    owner = reader.value(fields.get("own_as"), "own_as", _read_owner) or name.text
    policy = replace(make_policy(reader, allow, deny, mode, remedies), owner=owner)
    permissions = _read_permissions(reader, fields.get("permissions"))
    return path, SocketSettings(
        name=name.text,
        path=path.text if path is not None else "",
        permissions=DEFAULT_PERMISSIONS if permissions is None else permissions,
        uid=reader.value(fields.get("owner"), "owner", _read_id),
        gid=reader.value(fields.get("group"), "group", _read_id),
        policy=compile_policy(policy),
        limits=_read_limits(reader, fields["limits"], limits) if "limits" in fields else limits,
    )


def _read_path(reader: Reader, fields: Mapping[str, Node], what: str) -> Text | None:
    node = fields.get(what)
    path = reader.value(node, what, read_path, f"{what}: /directory/name.sock")
    return node if path is not None and isinstance(node, Text) else None


def _read_owner(text: str) -> str | Fault:
    return text if NAME.fullmatch(text) else Fault(f"{show(text)} is not a valid owner", _NAME)


def _read_mode(text: str) -> Mode | Fault:
    if text in tuple(Mode):
        return Mode(text)
    meant = f'did you mean permissions: "{text}"?' if text.isdigit() else f"use {' or '.join(Mode)}"
    return Fault(f"invalid mode {show(text)}", hint_at(text, Mode, meant))


def _read_limits(reader: Reader, node: Node, limits: Limits) -> Limits:
    """Read limits; those that are not there, or broken, are as they were."""
    fields = reader.fields(node, "limits", tuple(limit.name for limit in LIMITS), "limits: {rate: 100}")
    said = {
        limit.name: reader.value(fields.get(limit.name), limit.name, partial(read_limit, limit)) for limit in LIMITS
    }
    return with_limits(limits, {name: value for name, value in said.items() if value is not None})


def _read_permissions(reader: Reader, node: Node | None) -> int | None:
    """Read a file mode. Without the zero it could be a decimal number, as which YAML reads and writes octal ones."""
    permissions = reader.value(node, "permissions", read_mode)
    if permissions is not None and isinstance(node, Text) and node.plain and not node.text.startswith("0"):
        what = f"ambiguous permissions {node.text}: decimal or octal"
        reader.problem(node.place, what, f'write "0{node.text}" for octal')
    return permissions


def _read_id(text: str) -> int | Fault:
    """Read the number of a user or group. YAML reads one that begins with a zero as octal."""
    number = read_id(text)
    if isinstance(number, Fault) and re.fullmatch(r"[a-z_][a-z0-9_-]*", text):
        return Fault(number.what, f"write the number; `getent passwd {text}` or `getent group {text}` shows it")
    if isinstance(number, int) and text != str(number):
        return Fault(f"ambiguous number {text}: decimal or octal", f"write {number} for decimal")
    return number


def _check_paths(reader: Reader, paths: Mapping[str, Text], engine: Text | None) -> None:
    """Find sockets that would be in one place, or in the engine's."""
    taken: dict[str, str] = {}
    for name, path in paths.items():
        place = os.path.realpath(path.text)
        other = taken.setdefault(place, name)
        if other != name:
            reader.problem(path.place, f"{path.text!r} is the path of socket {show(other)} too", "choose another path")
        if engine is not None and place == os.path.realpath(engine.text):
            reader.problem(path.place, f"{path.text!r} is the socket of the engine", "choose another path")
