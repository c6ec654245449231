"""Try a policy against what is expected of it, line by line: for the tests of whoever operates it.

  dockerproxy test --policy policy.yaml expectations.txt

A file has lines like these; those below `socket NAME` are about that socket:

  socket dozzle
  allow GET /v1.45/containers/json
  deny POST /v1.45/containers/web/stop     # a comment
  deny POST /containers/create {"Image": "app", "HostConfig": {"Privileged": true}}
  allow POST /containers/create < create.json

No engine is asked: a name is taken for the object's name. What depends on the body meets no expectation without it:
it stands behind the target, or in a file that is found from where the expectations are. A socket whose mode is report
or learn is judged by its policy.

exit status: 0 all as expected, 1 something is not, 2 something to mend, all of it listed
"""

import argparse
from collections.abc import Mapping
from typing import Final

from dockerproxy.api.catalog import HEALTH
from dockerproxy.cli.arguments import add_policy_argument, add_socket_argument, choose_socket
from dockerproxy.cli.terminal import Style, paint, say
from dockerproxy.cli.words import count
from dockerproxy.config.configuration import read_configuration
from dockerproxy.config.document import read_file
from dockerproxy.config.files import STDIN
from dockerproxy.errors import Refusal, UserError
from dockerproxy.workbench.expectations import Expectation, Reader
from dockerproxy.workbench.trying import Tried, try_request

_GIVE_BODY: Final = "write it behind the target, or `< FILE`"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take files of expectations."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="expectations, one a line; - is standard input")
    add_policy_argument(parser)
    add_socket_argument(parser)


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what is not as expected; 0 if nothing."""
    sockets = read_configuration(environment, options.policy).settings.sockets
    several = len(sockets) > 1 and options.socket is None
    reader = Reader(sockets, None if several else choose_socket(sockets, options.socket))
    for file in options.files:
        try:
            reader.read(read_file(file, or_stdin=True), "standard input" if file == STDIN else file)
        except UserError as error:
            reader.problems += error.problems
    if reader.problems:
        raise UserError(*reader.problems)
    expectations = reader.expectations
    for socket in sockets:
        remark = socket.remark
        if remark and any(expectation.socket is socket for expectation in expectations):
            say(f"{paint('warning', Style.DOUBTFUL)}: {remark}")
    missed = sum(not _is_met(expectation) for expectation in expectations)
    number = count(len(expectations), "expectation")
    say(paint(f"{missed} of {number} not met", Style.BAD) if missed else paint(f"{number} met", Style.GOOD))
    return 1 if missed else 0


def _is_met(expectation: Expectation) -> bool:
    """Whether an expectation is met; if not, say what is."""
    socket, body = expectation.socket, expectation.body
    tried = try_request(socket.policy, expectation.method, expectation.target, body, most=socket.limits.body)
    place, request = paint(str(expectation.place), Style.BAD), f"{expectation.method} {expectation.target}"
    expected, got = ("allowed", "denied") if expectation.allowed else ("denied", "allowed")
    if isinstance(tried, Tried) and tried.wants_body:
        say(f"{place}: {request} should be {expected}, and depends on the body\n    {_GIVE_BODY}")
        return False
    if isinstance(tried, Refusal):
        allowed, why = False, f"refused with {tried.status}: {tried.reason}"
    else:
        allowed, why = tried.decision.allowed, tried.decision.message or _say_who_allows(tried)
    if allowed is expectation.allowed:
        return True
    say(f"{place}: {request} should be {expected}, and is {got}\n    {why}")
    return False


def _say_who_allows(tried: Tried) -> str:
    operation, source = tried.request.operation, tried.decision.source
    name = operation.name
    return f"{name} is always allowed" if operation is HEALTH else f"{name} is allowed by {source}"
