"""Say whether a request would be allowed, why, and what would change it.

  dockerproxy explain GET /v1.45/containers/json
  CONTAINERS=1 dockerproxy explain POST /containers/web/start
  dockerproxy explain --policy policy.yaml --socket backup POST /containers/web/start
  dockerproxy explain --policy policy.yaml --socket backup --body create.json POST /containers/create

It sends nothing: where serve would ask the engine which object is meant, a name is taken for the object's name. Of a
body it says all that is wrong with it, and what would allow it; or what goes to the engine. For a socket whose mode is
report or learn it says what the policy says.

exit status: 0 allowed, 1 not allowed, 2 something to mend
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from dockerproxy.api.catalog import HEALTH, UNKNOWN
from dockerproxy.cli.arguments import add_policy_argument, add_socket_argument, choose_socket
from dockerproxy.cli.sockets import describe_file, may_open
from dockerproxy.cli.terminal import Style, paint, say
from dockerproxy.cli.words import count
from dockerproxy.config.configuration import read_configuration
from dockerproxy.config.files import open_input, read_bytes
from dockerproxy.config.near import show
from dockerproxy.errors import Problem, Refusal, UserError
from dockerproxy.policy.model import Mode
from dockerproxy.settings import SocketSettings
from dockerproxy.text import shorten_ids
from dockerproxy.workbench.bearing import Line, find_change, list_bearing
from dockerproxy.workbench.expectations import MOST_OF_BODY
from dockerproxy.workbench.trying import Tried, describe_object, describe_unseen, try_request

_SHORT: Final = 100
"""Characters of a body that is shown in one line."""

_MOST_LINES: Final = 40
"""Of a body that is shown."""

_PEER: Final = re.compile(r"(\d{1,10})(?::(\d{1,10}(?:,\d{1,10})*))?", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a request, and what it would come with."""
    parser.add_argument("method", metavar="METHOD", help="GET, HEAD, POST, PUT or DELETE")
    parser.add_argument("target", metavar="TARGET", help="path and query, as a client sends them")
    add_policy_argument(parser)
    add_socket_argument(parser)
    parser.add_argument("--body", metavar="FILE", help="its body, JSON or an archive; - is standard input")
    parser.add_argument(
        "--peer", metavar="UID[:GID,...]", help="also say whether this user, in these groups, may open the socket"
    )


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Explain; 0 if allowed, 1 if not."""
    configured = read_configuration(environment, options.policy)
    socket = choose_socket(configured.settings.sockets, options.socket)
    peer = _read_peer(options.peer) if options.peer is not None else None
    body = _read_body(options.body) if options.body is not None else None
    tried = try_request(socket.policy, options.method, options.target, body, most=socket.limits.body)
    lines = [("socket", f"{socket.name}, {socket.path}")] if configured.policy_file else []
    if isinstance(tried, Refusal):
        lines += _refused(tried)
    else:
        lines += _explained(socket, tried, body)
        lines += _list_changes(socket, tried, configured.policy_file)
    opens = peer is None or may_open(socket, *peer)
    if peer is not None:
        lines.append(("peer", _describe_peer(socket, *peer)))
    for name, value in lines:
        say(_write_line(name, value))
    return 0 if isinstance(tried, Tried) and tried.decision.allowed and opens else 1


_STYLES: Final = {
    **dict.fromkeys(("allowed", "yes"), Style.GOOD),
    **dict.fromkeys(("not", "refused", "no"), Style.BAD),
    **dict.fromkeys(("depends", "?"), Style.DOUBTFUL),
}
"""By the first word of a decision, or of what a condition makes of the request."""

_CONDITION: Final = re.compile(r"(yes|no|\?) +").match


def _write_line(name: str, value: str) -> str:
    """Write a label and a text. Whole ids stay only in what goes to the engine, and in lines to paste."""
    condition = _CONDITION(value) if not name else None
    if name == "object" or condition is not None:
        value = shorten_ids(value)
    if condition is not None:
        value = paint(condition[1], _STYLES[condition[1]]) + value[condition.end(1) :]
    if name == "decision":
        value = paint(value, _STYLES.get(value.partition(" ")[0], Style.STRONG))
    return f"{paint(name, Style.STRONG)}{'':<{10 - len(name)}} {value}"


def _refused(refusal: Refusal) -> Iterator[Line]:
    yield "decision", f"refused with {refusal.status}, under any policy"
    yield "reason", refusal.reason


def _explained(socket: SocketSettings, tried: Tried, body: bytes | None) -> Iterator[Line]:
    request, decision, mode = tried.request, tried.decision, socket.policy.mode
    yield "request", f"{request.method} {request.target}"
    if request.operation is not UNKNOWN:
        yield "operation", f"{request.operation.name}: {request.operation.says}"
        yield "access", f"{request.operation.access}, in the section {request.operation.section}"
    if body is not None:
        yield "body", _describe_body(tried, body)
    for lookup in tried.asked:
        yield "object", describe_object(lookup)
    unseen = describe_unseen(tried)
    if unseen:
        yield "object", unseen
    passes = "" if mode is Mode.ENFORCE else f", but passes: the mode of this socket is {mode}"
    if tried.wants_body:
        yield "decision", f"depends on the body; give it with --body{passes}"
    else:
        yield "decision", "allowed" if decision.allowed else f"not allowed{passes}"
    yield from list_bearing(socket.policy.policy, tried)
    if decision.message and not tried.wants_body:
        yield "message", decision.message
    if decision.allowed and decision.content is not None:
        yield from _show_content(decision.content)


def _describe_body(tried: Tried, body: bytes) -> str:
    """Say how long a body is, and whether anything in it is looked at."""
    decision = tried.decision
    if decision.allowed and decision.content is None and not decision.conditions:
        return f"{len(body)} bytes, not checked"
    return f"{len(body)} bytes{' of application/json' if tried.known.body is not None else ''}"


def _show_content(content: bytes) -> Iterator[Line]:
    """Show what goes to the engine in place of a body."""
    lines = json.dumps(json.loads(content), indent=2).splitlines()
    if len(content) <= _SHORT:
        lines = [content.decode()]
    more = len(lines) - _MOST_LINES
    if more > 0:
        lines[_MOST_LINES:] = [f"and {count(more, 'line')} more"]
    yield from zip(("to engine", *[""] * (len(lines) - 1)), lines, strict=True)


def _list_changes(socket: SocketSettings, tried: Tried, file: str) -> Iterator[Line]:
    """Say what would turn the decision; of a refusal by the environment, the message says it."""
    if file:
        yield from find_change(socket.policy.policy, tried, socket.name, file)
        return
    operation = tried.request.operation
    if tried.decision.allowed and operation not in {UNKNOWN, HEALTH}:
        yield "change", f"to deny it, set DENY={operation.name}"


def _read_body(path: str) -> bytes:
    try:
        return read_bytes(open_input(path), path, MOST_OF_BODY)
    except UserError as error:
        (problem,) = error.problems
        raise UserError(Problem("--body", f"{path}: {problem.what}", problem.hint)) from None


def _read_peer(text: str) -> tuple[int, frozenset[int]]:
    match = _PEER.fullmatch(text)
    if match is None:
        hint = "numbers, like 1000 or 1000:999,100; `id` shows those of a user"
        raise UserError(Problem("--peer", f"{show(text)} is not a user with its groups", hint))
    return int(match[1]), frozenset(int(group) for group in (match[2] or "").split(",") if group)


def _describe_peer(socket: SocketSettings, uid: int, groups: frozenset[int]) -> str:
    may = "may" if may_open(socket, uid, groups) else "may not"
    among = f" gid {','.join(map(str, sorted(groups)))}" if groups else ""
    return f"uid {uid}{among} {may} connect: {socket.path} is {describe_file(socket)}"
