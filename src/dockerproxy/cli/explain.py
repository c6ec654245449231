"""Show whether a request would be allowed, why, and how to change that.

  dockerproxy explain GET /v1.45/containers/json
  CONTAINERS=1 dockerproxy explain POST /containers/web/start
  dockerproxy explain --policy policy.yaml --socket backup POST /containers/web/start
  dockerproxy explain --policy policy.yaml --socket backup --body create.json POST /containers/create
  dockerproxy explain --policy policy.yaml --decision 4KD7Q-2F --log proxy.log

It sends nothing. The engine is not asked, so a name in the request counts as the object's name. For a body, it lists
everything that is denied and the grant that would allow it, or shows the body that would be sent to the engine. It
decides by the policy, even if the mode of the socket is report or learn.

Every denial ends with a decision ID. With --decision, it shows the logged request and explains it by the current
policy. The object is the one that the engine resolved at that time.

exit status: 0 allowed, 1 not allowed, 2 usage or configuration error
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from dockerproxy.api.answers import ANSWERS, COUNTING
from dockerproxy.api.catalog import HEALTH, UNKNOWN
from dockerproxy.cli.arguments import add_policy_argument, add_socket_argument, choose_socket
from dockerproxy.cli.decision import describe_record, find_decision, find_recorded
from dockerproxy.cli.sockets import describe_file, may_open
from dockerproxy.cli.terminal import Style, count, paint, say
from dockerproxy.config.configuration import read_configuration
from dockerproxy.config.environment import Configured
from dockerproxy.config.files import open_input, read_bytes
from dockerproxy.config.near import show
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Record
from dockerproxy.policy.list_filters import PRUNED
from dockerproxy.policy.model import Mode
from dockerproxy.policy.steps import PlanKind
from dockerproxy.policy.subtrees import write_parts
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import SocketSettings
from dockerproxy.text import shorten_ids
from dockerproxy.workbench.bearing import Line, find_change, list_bearing
from dockerproxy.workbench.expectations import MOST_OF_BODY
from dockerproxy.workbench.trying import Tried, describe_object, describe_unseen, try_request

_SHORT: Final = 100
"""Characters of a body that are shown on one line."""

_MOST_LINES: Final = 40
"""Lines of a body that are shown."""

_PEER: Final = re.compile(r"(\d{1,10})(?::(\d{1,10}(?:,\d{1,10})*))?", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the request, its body and its client."""
    parser.add_argument("method", metavar="METHOD", nargs="?", help="GET, HEAD, POST, PUT or DELETE")
    parser.add_argument("target", metavar="TARGET", nargs="?", help="path and query, as the client sends them")
    parser.add_argument("--decision", metavar="ID", help="a logged request, instead of METHOD and TARGET")
    parser.add_argument("--log", metavar="FILE", nargs="+", help="the logs that have it; - is standard input")
    add_policy_argument(parser)
    add_socket_argument(parser)
    parser.add_argument("--body", metavar="FILE", help="a JSON body; - is standard input")
    parser.add_argument(
        "--peer", metavar="UID[:GID,...]", help="also show whether a user with these groups may connect"
    )


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Explain the request; return 0 if it is allowed, 1 if not."""
    configured = read_configuration(environment, options.policy)
    record = _find_record(options)
    name, method, target = options.socket, options.method, options.target
    if record is not None:
        name, method, target = name or record.socket, record.method, record.target
    socket = choose_socket(configured.settings.sockets, name)
    peer = _read_peer(options.peer) if options.peer is not None else None
    body = _read_body(options.body) if options.body is not None else None
    tried = _try(socket, method, target, body, record)
    for line in _explain(socket, tried, body, configured.policy_file):
        say(_write_line(*line))
    opens = peer is None or may_open(socket, *peer)
    if peer is not None:
        uid, groups = peer
        among = f" gid {','.join(map(str, sorted(groups)))}" if groups else ""
        may = f"uid {uid}{among} {'may' if opens else 'may not'} connect"
        say(_write_line("peer", f"{may}: {socket.path} is {describe_file(socket)}"))
    return 0 if isinstance(tried, Tried) and tried.decision.allowed and opens else 1


def explain_record(configured: Configured, record: Record) -> tuple[SocketSettings, list[Line]]:
    """Explain a recorded request; return its socket and the lines. Raises `UserError` if the socket is missing."""
    socket = choose_socket(configured.settings.sockets, record.socket)
    tried = _try(socket, record.method, record.target, None, record)
    return socket, list(_explain(socket, tried, None, configured.policy_file))


def _try(
    socket: SocketSettings, method: str, target: str, body: bytes | None, record: Record | None
) -> Tried | Refusal:
    found, recorded = (None, None) if record is None else (find_recorded(record), record.body)
    recorded = recorded if body is None else None
    return try_request(socket.policy, method, target, body, most=socket.limits.body, found=found, recorded=recorded)


def _explain(socket: SocketSettings, tried: Tried | Refusal, body: bytes | None, file: str) -> Iterator[Line]:
    if file:
        yield "socket", f"{socket.name}, {socket.path}"
    if isinstance(tried, Refusal):
        yield "decision", f"refused with {tried.status}, under any policy"
        yield "reason", tried.reason
    else:
        yield from _explained(socket, tried, body)
        yield from _list_changes(socket, tried, file)


def _find_record(options: argparse.Namespace) -> Record | None:
    """Return the record of `--decision`, if given, and print it."""
    asked = [options.method, options.target], [options.decision, options.log]
    if not any(all(pair) for pair in asked) or all(any(pair) for pair in asked):
        raise UserError(Problem("explain", "missing request", "write METHOD TARGET, or --decision ID --log FILE"))
    if options.decision is None:
        return None
    record, times = find_decision(options.decision, options.log)
    for name, value in describe_record(record, times):
        say(_write_line(name, value))
    say("", "by the current policy:")
    return record


_STYLES: Final = {
    **dict.fromkeys(("allowed", "yes"), Style.GOOD),
    **dict.fromkeys(("not", "denied", "refused", "no"), Style.BAD),
    **dict.fromkeys(("depends", "reported", "?"), Style.DOUBTFUL),
}
"""Styles by the first word of a decision, or of the result of a condition."""

_CONDITION: Final = re.compile(r"(yes|no|\?) +").match


def style_line(name: str, value: str) -> tuple[str, list[tuple[str, Style | None]]]:
    """Return a label, and its text in styled pieces. IDs are shortened, except in bodies and in lines to paste."""
    condition = _CONDITION(value) if not name else None
    if name == "object" or condition is not None:
        value = shorten_ids(value)
    if condition is not None:
        return name, [(condition[1], _STYLES[condition[1]]), (value[condition.end(1) :], None)]
    style = _STYLES.get(value.partition(" ")[0], Style.STRONG) if name in {"decision", "outcome"} else None
    return name, [(value, style)]


def _write_line(name: str, value: str) -> str:
    name, pieces = style_line(name, value)
    text = "".join(piece if style is None else paint(piece, style) for piece, style in pieces)
    return f"{paint(name, Style.STRONG)}{'':<{10 - len(name)}} {text}"


def _describe_mode(socket: SocketSettings, tried: Tried) -> str:
    """Return what happens to a request that is not allowed, if the mode does not deny it."""
    policy, name = socket.policy.policy, tried.request.operation.name
    is_denied = not name or any(name in denial.operations for denial in policy.denials)
    if tried.is_barred or (policy.asks and is_denied) or policy.mode_word == Mode.ENFORCE:
        return ""
    does = "unless an operator allows it" if policy.asks else "but passes"
    return f", {does}: the mode of this socket is {policy.mode_word}"


def _explained(socket: SocketSettings, tried: Tried, body: bytes | None) -> Iterator[Line]:
    request, decision = tried.request, tried.decision
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
    passes = _describe_mode(socket, tried)
    if tried.wants_body:
        yield "decision", f"depends on the body; pass it with --body{passes}"
    else:
        yield "decision", "allowed" if decision.allowed else f"not allowed{passes}"
    yield from list_bearing(socket.policy.policy, tried)
    counted = socket.policy.tenancy.counts(request.operation.name)
    if decision.allowed and counted:
        yield "quota", f"all own objects, with this one: {counted}; serve counts existing ones"
    if decision.message and not tried.wants_body:
        yield "message", decision.message
    if decision.allowed:
        yield from _describe_answer(socket, tried)
    if decision.allowed and decision.content is not None:
        yield from _show_content(socket, tried, decision.content)


def _describe_answer(socket: SocketSettings, tried: Tried) -> Iterator[Line]:
    """Yield how the proxy changes the engine's answer."""
    name = tried.request.operation.name
    if tried.decision.shows and socket.policy.mode is Mode.ENFORCE:
        some = f"{'removes' if name in PRUNED else 'shows'} only objects that the grant admits; serve checks each one"
        yield "answer", "has 0 for each count, since lists are filtered" if name in COUNTING else some
    if tried.decision.plan is PlanKind.BUILD:
        yield "engine", "must be Docker; serve asks it over the same connection"
    if socket.policy.hides and name in ANSWERS:
        yield "answer", f"is sent without {', '.join(sorted(socket.policy.hides))}"


def _describe_body(tried: Tried, body: bytes) -> str:
    decision = tried.decision
    if decision.allowed and decision.content is None:
        return f"{len(body)} bytes, not checked"
    return f"{len(body)} bytes{' of application/json' if tried.known.body is not None else ''}"


def _show_content(socket: SocketSettings, tried: Tried, content: bytes) -> Iterator[Line]:
    places = socket.policy.policy.places
    is_judged = tried.decision.copies is not None
    if places.has_parts and is_judged and tried.request.operation.name == "ContainerCreate":
        content, roots = write_parts(content, places)
        if roots:
            yield "engine", "must be Docker 26 or newer, because serve mounts subdirectories of volumes"
    lines = json.dumps(json.loads(content), indent=2).splitlines()
    if len(content) <= _SHORT:
        lines = [content.decode()]
    more = len(lines) - _MOST_LINES
    if more > 0:
        lines[_MOST_LINES:] = [f"and {count(more, 'line')} more"]
    yield from zip(("to engine", *[""] * (len(lines) - 1)), lines, strict=True)


def _list_changes(socket: SocketSettings, tried: Tried, file: str) -> Iterator[Line]:
    """Yield how to change the decision. The message of a denial by the environment or `hide` already says it."""
    if tried.is_barred:
        return
    if file:
        yield from find_change(socket.policy.policy, tried, socket.name, file)
        return
    operation = tried.request.operation
    if tried.decision.allowed and operation not in {UNKNOWN, HEALTH}:
        how = f"add {operation.name} to DENY" if socket.policy.policy.denials else f"set DENY={operation.name}"
        yield "change", f"to deny it, {how}"


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
        raise UserError(Problem("--peer", f"{show(text)} is not a user ID with group IDs", hint))
    return int(match[1]), frozenset(int(group) for group in (match[2] or "").split(",") if group)
