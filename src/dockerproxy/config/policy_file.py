"""Read a policy file: sockets, and what their clients may do. All mistakes are reported at once.

Attacks: docs/attacks.md, config/policy_file.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from dockerproxy.advice.dangers import ADD, describe_danger, say_what
from dockerproxy.advice.denials import Adviser
from dockerproxy.api.answers import WORDS as HIDDEN
from dockerproxy.api.bodies.tables import BODIES, SEALED
from dockerproxy.api.catalog import BUILD_TUNNELS, OPERATIONS
from dockerproxy.builds.extra import INSTALL, is_installed
from dockerproxy.config.document import Fields, Node, Place, Text, read_file
from dockerproxy.config.grants import (
    Line,
    check_binds,
    check_lines,
    check_pulls,
    check_tagged,
    join_creates,
    make_denials,
    read_allow,
    read_deny,
)
from dockerproxy.config.near import HINTS, hint_at, show
from dockerproxy.config.places import read_places
from dockerproxy.config.presets import SHELF
from dockerproxy.config.quotas import check_limits, check_quota, read_quota
from dockerproxy.config.reader import Reader
from dockerproxy.config.values import DEFAULT_PERMISSIONS, LIMITS, Fault, read_id, read_mode, read_path, with_limits
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.differences import find_ways
from dockerproxy.policy.image_grants import EXAMPLES, find_overlaps, list_patterns, needs_tags
from dockerproxy.policy.model import ASK, CREATES, Bounds, Mode, Policy, values_of
from dockerproxy.policy.objects import BUILD, OWN, PULL, PUSH
from dockerproxy.policy.values import Value, write_grant
from dockerproxy.policy.vocabulary import UNRESTRICTED, find_words
from dockerproxy.policy.words.user import CLIENT, name_client
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import DEFAULTS, Limits, SocketSettings, Sweep
from dockerproxy.tenancy.own import Own
from dockerproxy.tenancy.quota import NO_QUOTA

KEYS: Final = ("engine", "sockets")
SOCKET_KEYS: Final = (
    *("path", "permissions", "owner", "group", "own_as", "own_socket", "paths"),
    *("sweep", "mode", "limits", "quota", "allow", "deny", "hide"),
)

_MODES: Final = (Mode.ENFORCE, ASK, Mode.REPORT, Mode.LEARN)

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
"""Valid socket names: they are words of the log, and parts of file names."""

_NAME: Final = "use up to 63 lowercase letters and digits, and after the first also . _ and -"
_EXAMPLE: Final = "sockets: {NAME: {path: /proxied/NAME/docker.sock, allow: [preset:NAME]}}"


class PolicyFile(NamedTuple):
    """A policy file's content: the engine, if given, and its sockets in order, with the places of their paths."""

    engine: str
    sockets: tuple[SocketSettings, ...]
    places: Mapping[str, Place]


_OF_PING: Final = frozenset({"SystemPing", "SystemPingHead", "SystemVersion"})
"""Operations that nearly every client calls first."""


class Remedies(NamedTuple):
    """How to allow an operation: where grants are, where denials are, and a template for `propose`."""

    allow: str
    deny: str
    add: str


def _find_hint(name: str, images: Mapping[str, Value], add: str, *, owns: bool) -> str:
    """Return how to allow an operation that no line mentions, for the images that a request names."""
    conditions: Mapping[str, Value] = values_of((UNRESTRICTED,)) if name in SEALED else {}
    if needs_tags(name, (), owns=owns):
        conditions = images or {"tags": EXAMPLES["tags"]}
    elif name == PUSH:  # Without `images`, its grant allows nothing.
        conditions = images or {"images": EXAMPLES["tags"]}
    elif name == PULL and (owns or "tags" in images):  # An import needs them.
        conditions = images or {"images": EXAMPLES["images"]}
    how = " if contained" if name in BODIES and name not in SEALED else ""
    if owns and not conditions and OWN in find_words(OPERATIONS[name]):
        conditions, how = {OWN: True}, f" for what clients created{how}"
    what = say_what(name, conditions, describe_danger(name, conditions, owns=owns), how=how)
    grant = "preset:ping" if name in _OF_PING else write_grant(name, conditions)
    return add.replace("{what}", what).replace("{grant}", grant)


def make_policy(
    reader: Reader, allow: tuple[Line, ...], deny: tuple[Line, ...], mode: Mode, remedies: Remedies
) -> Policy:
    """Make a policy from `allow` and `deny`."""
    denied = {operation: line.word for line in reversed(deny) for operation in line.operations}
    owns = any(OWN in values_of(grant.conditions) for line in allow for grant in line.grants)
    whole = {
        name for line in allow for each in line.grants if UNRESTRICTED in each.conditions for name in each.operations
    }
    # A grant of builds opens them.
    builds = BUILD_TUNNELS if {BUILD, *BUILD_TUNNELS}.isdisjoint({*denied, *whole}) else {}
    # The conditions of a preset's create hold for a line beside it, too.
    of_presets = {
        name
        for line in allow
        for each in line.grants
        if each.conditions
        for name in each.operations.intersection(CREATES)
    }
    hints = dict.fromkeys(of_presets, "")
    for line in allow:
        for name in line.operations if line.narrowed else ():
            whose = "its conditions" if line.word == name else f'the conditions of "{line.word}"'
            hints[name] = f"to allow it, widen {whose} in {remedies.allow}"
    hints |= {name: f'to allow it, remove "{word}" from {remedies.deny}' for name, word in denied.items()}

    def find_hint(name: str, images: Mapping[str, Value]) -> str:
        name = BUILD if name in builds else name
        return hints[name] if name in hints else _find_hint(name, images, remedies.add, owns=owns)

    return Policy(
        grants=tuple(grant for line in allow for grant in line.grants),
        denials=make_denials(reader, deny),
        advice=Adviser(find_hint, remedies.add),
        mode=mode,
        lines=frozenset(line.word for line in allow if line.word in CREATES and line.grants),
    )


def read_policy_file(path: str, limits: Limits = DEFAULTS) -> PolicyFile:
    """Read a policy file, with default limits for its sockets. A `UserError` has every problem."""
    return read_policy(read_file(path), path, limits)


def read_policy(text: str, file: str, limits: Limits = DEFAULTS) -> PolicyFile:
    """Read the text of a policy file, like `read_policy_file`."""
    reader = Reader(file)
    root = reader.compose(text)
    if root is None:
        reader.finish()
        raise UserError(Problem(file, "the file is empty", _EXAMPLE))
    fields = reader.fields(root, "the file", KEYS, _EXAMPLE, HINTS["the file"])
    engine = _read_path(reader, fields, "engine")
    sockets: list[SocketSettings] = []
    paths: dict[str, Text] = {}
    names: dict[str, Place] = {}
    for name, node in reader.entries(fields["sockets"], "sockets", _EXAMPLE) if "sockets" in fields else ():
        if NAME.fullmatch(name.text) is None:
            meant = f"did you mean {name.text.lower()}?" if NAME.fullmatch(name.text.lower()) else _NAME
            reader.problem(name.place, f"{show(name.text)} is not a valid socket name", meant)
        path, socket = _read_socket(reader, name, node, limits, engine.text if engine else "")
        sockets.append(socket)
        if path is not None:
            paths[socket.name] = path
        names.setdefault(socket.name, name.place)
    _check_paths(reader, paths, engine)
    _check_owners(reader, sockets, names)
    _check_tags(reader, names, sockets)
    if not sockets and not reader.problems:
        reader.problem(root.place, "missing sockets", _EXAMPLE)
    reader.finish()
    shown = tuple(_separate(sockets))
    return PolicyFile(engine.text if engine else "", shown, {name: path.place for name, path in paths.items()})


def _separate(sockets: list[SocketSettings]) -> Iterator[SocketSettings]:
    """Hide volumes that one socket's binds need (`policy/subtrees`) on all sockets, and keep apart what they build."""
    hides = any(socket.policy.policy.places.has_parts for socket in sockets)
    tags = [each for socket in sockets for each in list_patterns(socket.name, socket.policy.policy, uses=False)]
    for socket in sockets:
        policy = socket.policy.policy
        taken = tuple(sorted({each.glob for each in tags if each.owner != policy.owner}))
        apart = policy._replace(places=replace(policy.places, hides=True) if hides else policy.places, taken=taken)
        yield socket._replace(policy=compile_policy(apart)) if hides or taken else socket


def _check_images(reader: Reader, allow: tuple[Line, ...], deny: tuple[Line, ...], compiled: CompiledPolicy) -> None:
    """Find grants that limit images too little."""
    if compiled.owner:
        check_pulls(reader, allow, deny)
    check_tagged(reader, allow, deny, owns=compiled.owner != "")


def _read_socket(
    reader: Reader, name: Text, node: Node, limits: Limits, engine: str
) -> tuple[Text | None, SocketSettings]:
    """Read a socket. Invalid parts get their defaults, and are reported."""
    needed = {
        "path": f"path: /proxied/{name.text}/docker.sock",
        "allow": "allow: [preset:NAME], or allow: [] for nothing",
    }
    fields = reader.fields(node, "a socket", SOCKET_KEYS, needed["path"], HINTS["a socket"])
    word = reader.value(fields.get("mode"), "mode", _read_mode, f"mode: {' or '.join(_MODES)}") or Mode.ENFORCE
    mode = Mode.ENFORCE if word == ASK else Mode(word)
    if mode is Mode.LEARN:
        del needed["allow"]  # Learning finds what the client needs.
    for key, hint in needed.items() if isinstance(node, Fields) else ():
        if key not in fields:
            reader.problem(name.place, f"missing {key} of socket {show(name.text)}", hint)
    path = _read_path(reader, fields, "path")
    allow = read_allow(reader, fields["allow"], SHELF) if "allow" in fields else ()
    deny = read_deny(reader, fields["deny"], SHELF) if "deny" in fields else ()
    check_lines(reader, allow, deny)
    allow = join_creates(reader, allow)
    remedies = Remedies(*(f'{what} of socket "{name.text}"' for what in ('"allow"', '"deny"', ADD)))
    owner = reader.value(fields.get("own_as"), "own_as", _read_owner) or name.text
    places = read_places(reader, fields, engine, path.text if path is not None else "")
    check_binds(reader, allow, places, fields["own_socket"].place if "own_socket" in fields else None)
    quota, bounds = read_quota(reader, fields["quota"], name.text) if "quota" in fields else (NO_QUOTA, Bounds())
    if quota.most and "allow" in fields:
        check_quota(reader, quota, fields["quota"], allow, deny)
    policy = make_policy(reader, allow, deny, mode, remedies)._replace(asks=word == ASK, bounds=bounds)
    uid, gid = (reader.value(fields.get(key), key, _read_id) for key in ("owner", "group"))
    client = _find_client(reader, fields["own_socket"], policy, uid or 0, gid or 0) if places.own_socket else ""
    hides = _read_hides(reader, fields)
    policy = policy._replace(tenancy=Own(owner, quota), places=places, client=client, hides=hides)
    permissions = _read_permissions(reader, fields.get("permissions"))
    compiled = compile_policy(policy)
    if "quota" in fields:
        check_limits(reader, fields["quota"], compiled)
    _check_images(reader, allow, deny, compiled)
    if compiled.reads_builds and compiled.cases[BUILD] and not is_installed():
        reader.problem(name.place, f"builds of socket {show(name.text)} need the package h2", INSTALL)
    return path, SocketSettings(
        name=name.text,
        path=path.text if path is not None else "",
        permissions=DEFAULT_PERMISSIONS if permissions is None else permissions,
        uid=uid,
        gid=gid,
        policy=compiled,
        limits=_read_limits(reader, fields["limits"], limits) if "limits" in fields else limits,
        sweep=_read_sweep(reader, fields.get("sweep"), compiled.owner),
    )


def _read_hides(reader: Reader, fields: Mapping[str, Node]) -> frozenset[str]:
    hidden = reader.items(fields["hide"], "hide") if "hide" in fields else ()
    return frozenset(filter(None, (reader.value(node, "an item of hide", _read_hidden) for node in hidden)))


def _find_client(reader: Reader, node: Node, policy: Policy, uid: int, gid: int) -> str:
    """Return the user of all clients, because containers connect to `own_socket` as any; empty if there is none."""
    client = name_client(uid, gid)
    if not client and any(values_of(grant.conditions).get("user") == CLIENT for grant in policy.grants):
        what = "containers connect to own_socket as any user, so user: client needs owner and group, not root's"
        reader.problem(node.place, what, "add the client's numbers, like owner: 1000 and group: 1000")
    return client


def _read_path(reader: Reader, fields: Mapping[str, Node], what: str) -> Text | None:
    node = fields.get(what)
    path = reader.value(node, what, read_path, f"{what}: /directory/name.sock")
    return node if path is not None and isinstance(node, Text) else None


def _read_owner(text: str) -> str | Fault:
    return text if NAME.fullmatch(text) else Fault(f"{show(text)} is not a valid owner", _NAME)


def _read_sweep(reader: Reader, node: Node | None, owner: str) -> Sweep:
    sweep = reader.value(node, "sweep", _read_time_to_sweep, f"sweep: {' or '.join(Sweep)}") or Sweep.NEVER
    if node is not None and sweep is not Sweep.NEVER and not owner:
        reader.problem(node.place, "no grant is own, so sweep removes nothing", 'add "own" to allow, or remove sweep')
    return sweep


def _read_time_to_sweep(text: str) -> Sweep | Fault:
    if text in tuple(Sweep):
        return Sweep(text)
    return Fault(f"invalid time to sweep {show(text)}", hint_at(text, Sweep, f"use {' or '.join(Sweep)}"))


def _read_hidden(text: str) -> str | Fault:
    meant = HINTS["hide"].get(text, "")
    hint = f"did you mean {meant}?" if meant else hint_at(text, HIDDEN, f"use {', '.join(HIDDEN)}")
    return text if text in HIDDEN else Fault(f"{show(text)} is not something to hide", hint)


def _read_mode(text: str) -> str | Fault:
    if text in _MODES:
        return text
    meant = f'did you mean permissions: "{text}"?' if text.isdigit() else f"use {' or '.join(_MODES)}"
    return Fault(f"invalid mode {show(text)}", hint_at(text, _MODES, meant))


def _read_limits(reader: Reader, node: Node, limits: Limits) -> Limits:
    """Read limits. Missing and invalid ones are unchanged."""
    fields = reader.fields(node, "limits", tuple(limit.name for limit in LIMITS), "limits: {rate: 100}")
    said = {limit.name: reader.value(fields.get(limit.name), limit.name, limit.read) for limit in LIMITS}
    return with_limits(limits, {name: value for name, value in said.items() if value is not None})


def _read_permissions(reader: Reader, node: Node | None) -> int | None:
    """Read a file mode. Without a leading zero it could be decimal, as YAML reads and writes octal numbers."""
    permissions = reader.value(node, "permissions", read_mode)
    if permissions is not None and isinstance(node, Text) and node.plain and not node.text.startswith("0"):
        what = f"ambiguous permissions {node.text}: decimal or octal"
        reader.problem(node.place, what, f'write "0{node.text}" for octal')
    return permissions


def _read_id(text: str) -> int | Fault:
    """Read a user or group ID. YAML reads a leading zero as octal."""
    number = read_id(text)
    if isinstance(number, Fault) and re.fullmatch(r"[a-z_][a-z0-9_-]*", text):
        return Fault(number.what, f"write the number; `getent passwd {text}` or `getent group {text}` shows it")
    if isinstance(number, int) and text != str(number):
        return Fault(f"ambiguous number {text}: decimal or octal", f"write {number} for decimal")
    return number


def _check_tags(reader: Reader, names: Mapping[str, Place], sockets: Iterable[SocketSettings]) -> None:
    """Find sockets whose clients could replace or remove each other's images."""
    patterns = [each for socket in sockets for each in list_patterns(socket.name, socket.policy.policy, uses=False)]
    told = set[tuple[str, str]]()
    for one, other in find_overlaps(patterns):
        first, second = sorted((one, other), key=lambda each: each.socket)
        if (first.socket, second.socket) not in told:
            told.add((first.socket, second.socket))
            what = f"tags {show(second.item)} of socket {second.socket} and {show(first.item)} of socket {first.socket}"
            hint = "write names that only one of them gives, or give both the same own_as"
            reader.problem(names[second.socket], f"{what} overlap: each could replace the other's images", hint)


def _check_owners(reader: Reader, sockets: Iterable[SocketSettings], names: Mapping[str, Place]) -> None:
    """Find sockets of one owner with different creates: each could change the other's objects beyond its own grants."""
    first: dict[str, tuple[str, object]] = {}
    owners = Counter(socket.policy.owner for socket in sockets)
    for socket in (each for each in sockets if each.policy.owner):
        creates = [find_ways(socket.policy, name) for name in CREATES]
        if socket.policy.policy.places.own_socket and owners[socket.policy.owner] > 1:
            what = f"{show(socket.name)} has own_socket, and containers that get it belong to other sockets, too"
            reader.problem(names[socket.name], what, "give it a different own_as")
        if any(creates):
            profile = creates, socket.policy.policy.places.paths
            other, known = first.setdefault(socket.policy.owner, (socket.name, profile))
            if known != profile:
                what = f"{show(socket.name)} and {show(other)} have the same own_as, but different create grants"
                hint = "grant both the same creates under the same paths, or give each its own_as"
                reader.problem(names[socket.name], what, hint)


def _check_paths(reader: Reader, paths: Mapping[str, Text], engine: Text | None) -> None:
    """Find sockets with the same path, or the engine's."""
    taken: dict[str, str] = {}
    for name, path in paths.items():
        place = os.path.realpath(path.text)
        other = taken.setdefault(place, name)
        if other != name:
            reader.problem(path.place, f"{path.text!r} is the path of socket {show(other)} too", "choose another path")
        if engine is not None and place == os.path.realpath(engine.text):
            reader.problem(path.place, f"{path.text!r} is the socket of the engine", "choose another path")
