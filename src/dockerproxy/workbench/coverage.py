"""Find the lines of a policy file that expectations exercise.

An expectation exercises a line of `allow` that allows it alone, and a line of `deny` if its operation is in that line
and it is denied. So a redundant line counts as exercised, and a mistyped one does not.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dockerproxy.config.document import Place
from dockerproxy.config.grants import Line
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.edits import read_lines
from dockerproxy.workbench.expectations import Expectation
from dockerproxy.workbench.trying import Tried, try_request


class Exercised(NamedTuple):
    """A line, and whether an expectation exercises it. A line that aliases repeat is listed once."""

    line: Line
    is_exercised: bool


def find_coverage(
    sockets: Sequence[SocketSettings], text: str, file: str, expectations: Iterable[Expectation]
) -> tuple[Exercised, ...]:
    """Return the lines of a policy file, in order."""
    allow, deny = read_lines(text, file), read_lines(text, file, "deny")
    asked: dict[str, list[tuple[Expectation, Tried]]] = {}
    for each in expectations:
        tried = _try(each.socket.policy, each)
        if tried is not None:
            asked.setdefault(each.socket.name, []).append((each, tried))
    found: dict[Place, Exercised] = {}
    for socket in sockets:
        told = asked.get(socket.name, [])
        exercised = dict(_exercise(socket, allow[socket.name], deny[socket.name], told))
        for place, line in exercised.items():
            before = found.get(place)
            found[place] = line if before is None or line.is_exercised else before
    return tuple(found[place] for place in sorted(found, key=lambda place: (place.line, place.column)))


def _exercise(
    socket: SocketSettings, allow: Sequence[Line], deny: Sequence[Line], asked: Sequence[tuple[Expectation, Tried]]
) -> Iterator[tuple[Place, Exercised]]:
    for line in allow:
        about = [each for each, tried in asked if tried.request.operation.name in line.operations]
        policy = compile_policy(socket.policy.policy._replace(grants=line.grants)) if about else socket.policy
        again = (_try(policy, each) for each in about)
        yield line.place, Exercised(line, any(tried is not None and tried.decision.allowed for tried in again))
    for line in deny:
        denied = (tried for _, tried in asked if not tried.decision.allowed)
        yield line.place, Exercised(line, any(tried.request.operation.name in line.operations for tried in denied))


def _try(policy: CompiledPolicy, asked: Expectation) -> Tried | None:
    tried = try_request(policy, asked.method, asked.target, asked.body, most=asked.socket.limits.body)
    return tried if isinstance(tried, Tried) else None
