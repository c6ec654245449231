"""Policy files: each is read as any reader of YAML would read it, or every mistake in it is told with its place."""

import re
import zlib
from typing import Final

import yaml
from policy.policies import TRIED

from dockerproxy.config.document import Broken, Fields, Items, Loader, Node, Text, compose
from dockerproxy.config.policy_file import NAME, PolicyFile, read_policy
from dockerproxy.policy.decide import Wanted, decide
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import Lookup
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import SocketSettings

_FILE: Final = "policy.yaml"
_PLACE: Final = re.compile(r"policy\.yaml(?::([0-9]+):([0-9]+))?")
_TRIES: Final = 4
_LOADERS: Final[tuple[tuple[Loader, type[yaml.BaseLoader | yaml.CBaseLoader]], ...]] = (
    (yaml.CSafeLoader, yaml.CBaseLoader),
    (yaml.SafeLoader, yaml.BaseLoader),
)


def read(data: bytes) -> object:
    """Read a policy file."""
    return _read(data.decode(errors="replace"))


def check(data: bytes) -> None:
    """Check what is read of a file, or told of it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    read = _read(text)
    _check_document(text, is_faultless=isinstance(read, PolicyFile))
    if isinstance(read, PolicyFile):
        assert read.sockets
        assert len({socket.name for socket in read.sockets}) == len(read.sockets)
        for socket in read.sockets:
            _check_socket(socket, zlib.crc32(data))
    else:
        _check_problems(read, text)
    if "\r" not in text:
        assert _tell(_read(text.replace("\n", "\r\n"))) == _tell(read)


def _read(text: str) -> PolicyFile | tuple[Problem, ...]:
    try:
        return read_policy(text, _FILE)
    except UserError as error:
        return error.problems


def _tell(read: PolicyFile | tuple[Problem, ...]) -> object:
    """Return what can be compared of what was read."""
    if not isinstance(read, PolicyFile):
        return read
    return [(socket.name, socket.path, socket.policy.policy.grants, socket.policy.mode) for socket in read.sockets]


def _check_socket(socket: SocketSettings, number: int) -> None:
    """A socket decides about every request, and what it says of one that it denies is a line."""
    assert NAME.fullmatch(socket.name)
    assert socket.path.startswith("/")
    assert 0 <= socket.permissions <= 0o777
    for request in (TRIED[(number + step) % len(TRIED)] for step in range(_TRIES)):
        decision = decide(socket.policy, request)
        assert isinstance(decision, Decision | Lookup | Wanted)
        assert not isinstance(decision, Decision) or decision.allowed or decision.message.isprintable()


def _check_problems(problems: tuple[Problem, ...], text: str) -> None:
    """Each mistake has a place in the file, and is said in a line with a hint in another."""
    assert problems
    lines = [*text.split("\n"), ""]  # libyaml has the end of a file in a line of its own.
    for problem in problems:
        place = _PLACE.fullmatch(problem.where)
        assert place is not None, problem
        assert problem.what
        assert (problem.what + problem.hint).isprintable(), problem
        if place[1]:
            assert 1 <= int(place[1]) <= len(lines), problem
            assert 1 <= int(place[2]) <= len(lines[int(place[1]) - 1]) + 1, problem


def _check_document(text: str, *, is_faultless: bool) -> None:
    """Both parsers of PyYAML read the same or refuse, and PyYAML's own constructor makes the same of it."""
    found = []
    for parser, constructor in _LOADERS:
        problems: list[Problem] = []
        node = compose(text, _FILE, problems, parser)
        assert problems or "Broken(" not in repr(node)
        if not problems:
            found.append(_plain(node))
            assert found[0] == found[-1] == yaml.load(text, Loader=constructor)  # noqa: S506 (it makes texts only)
    assert not is_faultless or found


def _plain(node: Node | None) -> object:
    """Return what a reader would make of a document that has texts only: of keys that are there twice the last."""
    match node:
        case Text():
            return node.text
        case Items():
            return [_plain(each) for each in node.nodes]
        case Fields():
            return {key.text: _plain(value) for key, value in node.pairs}
        case Broken() | None:
            return None
