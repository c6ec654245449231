"""Test a policy against your expectations, for example in CI.

  dockerproxy test --policy policy.yaml expectations.txt

A file has one expectation per line; `socket NAME` selects the socket for the lines below it:

  socket dozzle
  allow GET /v1.45/containers/json
  deny POST /v1.45/containers/web/stop     # a comment
  deny POST /containers/create {"Image": "app", "HostConfig": {"Privileged": true}}
  allow POST /containers/create < create.json

The engine is not asked, so a name in the request counts as the object's name. If the decision depends on the body,
write it after the target, or `< FILE`, relative to the file of expectations. Without it, the expectation fails. The
policy decides even if the mode of a socket is report or learn.

  dockerproxy test --policy policy.yaml --coverage expectations.txt

--coverage: a line of `allow` is covered if it allows the request of an expectation, a line of `deny` if it denies one.

exit status: 0 all expectations met, 1 some not met, 2 usage or configuration error
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from dockerproxy.api.catalog import HEALTH
from dockerproxy.cli.arguments import add_policy_argument, add_socket_argument, choose_sockets, find_policy_file
from dockerproxy.cli.reports import add_format_argument, run_with_report
from dockerproxy.cli.terminal import Style, count, paint, say
from dockerproxy.config.configuration import read_configuration
from dockerproxy.config.document import read_file
from dockerproxy.config.files import STDIN
from dockerproxy.errors import Refusal
from dockerproxy.problems import Problem, UserError
from dockerproxy.workbench.coverage import Exercised, find_coverage
from dockerproxy.workbench.expectations import Expectation, Reader
from dockerproxy.workbench.findings import Finding, Severity
from dockerproxy.workbench.trying import Tried, try_request

_NOT_EXERCISED: Final = "no expectation exercises {}"
_GIVE_BODY: Final = "write it after the target, or `< FILE`"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the files of expectations."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="expectations, one per line; - is standard input")
    add_policy_argument(parser)
    add_socket_argument(parser)
    parser.add_argument("--coverage", action="store_true", help="list the policy lines that no expectation exercises")
    add_format_argument(parser)


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the expectations that are not met; return 0 if all are."""
    if options.format is not None:
        file = find_policy_file(options.policy, environment)
        return run_with_report(options.format, "test", file, partial(_find, options, environment))
    expectations = _read(options, environment)
    for socket in {each.socket.name: each.socket for each in expectations}.values():
        if socket.remark:
            say(f"{paint('warning', Style.DOUBTFUL)}: {socket.remark}")
    missed = 0
    for expectation in expectations:
        wrong = _find_wrong(expectation)
        if wrong:
            missed += 1
            first, why = wrong
            say(f"{paint(str(expectation.place), Style.BAD)}: {first}\n    {why}")
    number = count(len(expectations), "expectation")
    say(paint(f"{missed} of {number} not met", Style.BAD) if missed else paint(f"{number} met", Style.GOOD))
    if options.coverage:
        _print_coverage(_find_lines(options, environment, expectations))
    return 1 if missed else 0


def _print_coverage(lines: Sequence[Exercised]) -> None:
    for each in lines:
        if not each.is_exercised:
            say(f"{paint(_place(each), Style.DOUBTFUL)}: {_NOT_EXERCISED.format(each.line.word)}")
    covered = sum(each.is_exercised for each in lines)
    percent = 100 * covered // len(lines) if lines else 100
    style = Style.GOOD if covered == len(lines) else Style.DOUBTFUL
    say(paint(f"{covered} of {count(len(lines), 'line')} of the policy covered, {percent} %", style))


def _place(each: Exercised) -> str:
    return f"{each.line.place.file}:{each.line.place.line}"


def _find(options: argparse.Namespace, environment: Mapping[str, str]) -> tuple[int, Sequence[Finding]]:
    expectations = _read(options, environment)
    findings = []
    for each in expectations:
        wrong = _find_wrong(each)
        level = Severity.ERROR if wrong else None
        name = f"{'allow' if each.allowed else 'deny'} {each.method} {each.target}"
        place, says = str(each.place), "; ".join(wrong)
        findings.append(Finding(name=name, where=place, rule="unmet", level=level, says=says, fails=bool(wrong)))
    status = 1 if any(finding.fails for finding in findings) else 0
    for line in _find_lines(options, environment, expectations) if options.coverage else ():
        says = "" if line.is_exercised else _NOT_EXERCISED.format(line.line.word)
        level = Severity.NOTE if says else None
        place = str(line.line.place)
        findings.append(Finding(name=line.line.word, where=place, rule="not-exercised", level=level, says=says))
    return status, findings


def _find_lines(
    options: argparse.Namespace, environment: Mapping[str, str], expectations: Sequence[Expectation]
) -> Sequence[Exercised]:
    path = find_policy_file(options.policy, environment)
    if not path:
        hint = "pass one with --policy; `dockerproxy check --print` converts the environment to one"
        raise UserError(Problem("--coverage", "needs a policy file, whose lines it counts", hint))
    sockets = read_configuration(environment, options.policy).settings.sockets
    return find_coverage(choose_sockets(sockets, options.socket), read_file(path), path, expectations)


def _read(options: argparse.Namespace, environment: Mapping[str, str]) -> Sequence[Expectation]:
    sockets = read_configuration(environment, options.policy).settings.sockets
    chosen = choose_sockets(sockets, options.socket)
    reader = Reader(sockets, chosen[0] if len(chosen) == 1 else None)
    for file in options.files:
        try:
            reader.read(read_file(file, or_stdin=True), "standard input" if file == STDIN else file)
        except UserError as error:
            reader.problems += error.problems
    if reader.problems:
        raise UserError(*reader.problems)
    return reader.expectations


def _find_wrong(expectation: Expectation) -> tuple[str, ...]:
    """Return what differs from the expectation, and why; empty if it is met."""
    socket, body = expectation.socket, expectation.body
    tried = try_request(socket.policy, expectation.method, expectation.target, body, most=socket.limits.body)
    request = f"{expectation.method} {expectation.target}"
    expected, got = ("allowed", "denied") if expectation.allowed else ("denied", "allowed")
    if isinstance(tried, Tried) and tried.wants_body:
        return f"{request} should be {expected}, and depends on the body", _GIVE_BODY
    if isinstance(tried, Refusal):
        allowed, why = False, f"refused with {tried.status}: {tried.reason}"
    else:
        operation, allowed = tried.request.operation, tried.decision.allowed
        by = "is always allowed" if operation is HEALTH else f"is allowed by {tried.decision.source}"
        why = tried.decision.message or f"{operation.name} {by}"
    return () if allowed is expectation.allowed else (f"{request} should be {expected}, and is {got}", why)
