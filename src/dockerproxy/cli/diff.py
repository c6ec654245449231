"""Compare what two policies allow.

  dockerproxy diff old.yaml new.yaml
  CONTAINERS=1 POST=1 dockerproxy diff environment policy.yaml
  dockerproxy diff --log proxy.log old.yaml new.yaml
  dockerproxy diff --at-most old.yaml new.yaml

For each socket, it lists what the new policy allows in addition, no longer, or under other conditions. The word
environment stands for the configuration in the environment. --log also lists the recorded requests that would be
decided differently. --at-most proves that the new policy allows no request that the old one does not, or lists the
lines for which the proof fails.

The report of --format has each addition at its line in the new policy; with --at-most, each line that is not proven.
--format cannot be combined with --log.

exit status: 0 no difference, 1 differences, 2 usage or configuration error; with --at-most: 0 proven, 3 not proven
"""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.cli.at_most import report_at_most, run_at_most
from dockerproxy.cli.lines import HOW_TO_RECORD, NOTHING_RECORDED, read_lines, tell_unreadable
from dockerproxy.cli.reports import add_format_argument, run_with_report
from dockerproxy.cli.sockets import describe_file
from dockerproxy.cli.terminal import Style, count, paint, paint_change, say
from dockerproxy.config.configuration import read_configuration
from dockerproxy.config.policy_file import PolicyFile, read_policy_file
from dockerproxy.config.values import LIMITS
from dockerproxy.policy.differences import compare_settings, find_ways, list_settings
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import SocketSettings
from dockerproxy.text import shorten_ids
from dockerproxy.workbench.findings import Finding, Severity, place_of
from dockerproxy.workbench.reading import Records
from dockerproxy.workbench.replay import Pair, Replay

_ENVIRONMENT: Final = "environment"
_FOUND: Final = "as the environment says"
_OPENS: Final = re.compile(r": unrestricted$|\bunrestricted: true\}$").search
"""Matches the end of an unrestricted grant."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two policies."""
    parser.add_argument("old", metavar="OLD", help="a policy file, or the word environment")
    parser.add_argument("new", metavar="NEW", help="likewise")
    more = parser.add_mutually_exclusive_group()
    more.add_argument("--at-most", action="store_true", help="prove that NEW allows no request that OLD does not")
    more.add_argument("--log", metavar="FILE", help="also decide the requests of a log by both; - is standard input")
    add_format_argument(parser)


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the differences; return 0 if there are none."""
    if options.format is not None:
        file = "" if options.new == _ENVIRONMENT else options.new
        return run_with_report(options.format, "diff", file, partial(_find, options, environment, file))
    old, new = _read_both(options.old, options.new, environment)
    pairs = _make_pairs(old.sockets, new.sockets)
    replay = _replay(options.log, pairs) if options.log is not None else None
    engine = _compare_engines(old, new)
    if options.at_most:
        return run_at_most(pairs, engine, (options.old, options.new), new.places)
    differs = bool(engine) and _ENVIRONMENT not in {options.old, options.new}
    if differs:
        say(f"engine  {engine}")
    for pair in pairs:
        head, *lines = list(_describe(pair)) or [""]
        if head:
            say("\n" * differs + paint(head, Style.STRONG), *(paint_change(line, _SIGN) for line in lines))
            differs = True
    if not differs:
        say("nothing differs")
    if replay is not None:
        say("")
        _print_replay(replay)
    return 1 if differs else 0


def _find(options: argparse.Namespace, environment: Mapping[str, str], file: str) -> tuple[int, Sequence[Finding]]:
    if options.log is not None:
        raise UserError(Problem("--log", "conflicts with --format", "remove one of them"))
    old, new = _read_both(options.old, options.new, environment)
    pairs = _make_pairs(old.sockets, new.sockets)
    engine = _compare_engines(old, new)
    if options.at_most:
        return report_at_most(pairs, engine, file, new.places)
    findings = []
    if engine and _ENVIRONMENT not in {options.old, options.new}:
        says = f"engine {engine}"
        findings.append(Finding(name="engine", where=file, rule="setting", level=Severity.NOTE, says=says, fails=True))
    for pair in pairs:
        place = str(new.places.get(pair.name, file))
        lines = list(_describe(pair))
        for line in lines:
            if line.startswith("  operations:") or (line.startswith("socket ") and lines[1:]):
                continue
            rule, level, verb = _KINDS.get(line[_SIGN], _SETTING)
            way = line.lstrip(" +-")
            where = _find_place(pair, way, file) if rule == "gained" else place
            name, says = f"socket {pair.name}", f"{verb}{way}"
            found = Finding(name=name, where=where, rule=rule, level=level, says=f"{name}: {says}", fails=True)
            findings.append(found)
    return (1, findings) if findings else (0, [Finding(name="nothing differs", where=file, rule="setting")])


_SIGN: Final = 2
"""Column of the sign in a line."""

_KINDS: Final = {"+": ("gained", Severity.WARNING, "now allows "), "-": ("lost", Severity.NOTE, "no longer allows ")}
_SETTING: Final = ("setting", Severity.NOTE, "")
"""For each sign: the rule of the finding, its level, and a verb phrase about the socket."""


def _find_place(pair: Pair, way: str, file: str) -> str:
    """Return the place of the grant by which the new policy allows this."""
    if pair.new is None or not file:
        return file
    policy, name = pair.new.policy, way.partition(":")[0]
    for case in policy.cases[name]:
        if way in find_ways(policy._replace(cases={name: (case,)}), name):
            return place_of(file, case.source)
    return file


def _read_both(old: str, new: str, environment: Mapping[str, str]) -> list[PolicyFile]:
    read: list[PolicyFile] = []
    problems: list[Problem] = []
    for name in (old, new):
        try:
            if name == _ENVIRONMENT:
                read.append(PolicyFile("", read_configuration(environment).settings.sockets, {}))
            else:
                read.append(read_policy_file(name))
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(*dict.fromkeys(problems))
    return read


def _compare_engines(old: PolicyFile, new: PolicyFile) -> str:
    return "" if old.engine == new.engine else f"{new.engine or _FOUND}, was {old.engine or _FOUND}"


def _make_pairs(old: Sequence[SocketSettings], new: Sequence[SocketSettings]) -> list[Pair]:
    """Match sockets by name, then by path. If each policy has one socket, those two match."""
    if len(old) == len(new) == 1:
        return [Pair(old[0], new[0])]
    names = {socket.name: socket for socket in old}
    kept = {socket.name for socket in new}
    paths = {socket.path: socket for socket in old if socket.name not in kept}
    pairs = [Pair(names.get(socket.name) or paths.pop(socket.path, None), socket) for socket in new]
    return pairs + [Pair(socket, None) for socket in paths.values()]


def _describe(pair: Pair) -> Iterator[str]:
    """Yield the differences of a socket."""
    old, new = pair.old, pair.new
    if old is None or new is None:
        yield from _describe_one(pair)
        return
    lines = list(_compare(old, new))
    if lines or old.name != new.name:
        yield f"socket {new.name}" if old.name == new.name else f"socket {new.name}, was {old.name}"
    yield from lines


def _compare(old: SocketSettings, new: SocketSettings) -> Iterator[str]:
    if old.path != new.path:
        yield f"  path  {new.path}, was {old.path}"
    if describe_file(old) != describe_file(new):
        yield f"  file  {describe_file(new)}; was {describe_file(old)}"
    for limit in LIMITS:
        was, now = (limit.write(each.limits) for each in (old, new))
        if was != now:
            yield f"  limit  {limit.name} {now}, was {was}"
    yield from (f"  {key}  {said}" for key, said in compare_settings(old.policy, new.policy))
    numbers = dict.fromkeys(("gained", "lost", "under other conditions", "newly unrestricted"), 0)
    for name in OPERATIONS:
        before, after = find_ways(old.policy, name), find_ways(new.policy, name)
        lost, gained = [way for way in before if way not in after], [way for way in after if way not in before]
        yield from (f"  - {way}" for way in lost)
        yield from (f"  + {way}" for way in gained)
        if lost or gained:
            numbers["under other conditions" if before and after else "lost" if before else "gained"] += 1
        numbers["newly unrestricted"] += any(map(_OPENS, gained)) and not any(map(_OPENS, lost))
    if any(numbers.values()):
        yield "  operations: " + ", ".join(f"{number} {word}" for word, number in numbers.items() if number)


def _describe_one(pair: Pair) -> Iterator[str]:
    for socket, sign, word in ((pair.old, "-", "removed"), (pair.new, "+", "new")):
        if socket is not None:
            yield f"socket {socket.name}: {word}"
            yield f"  path  {socket.path}"
            yield f"  file  {describe_file(socket)}"
            yield from (f"  {key}  {text}" for key, text in list_settings(socket.policy).items())
            yield from (f"  {sign} {way}" for name in OPERATIONS for way in find_ways(socket.policy, name))


def _replay(path: str, pairs: Sequence[Pair]) -> Replay:
    replay = Replay(pairs)
    reading = Records(read_lines((path,)))
    for record, _ in reading:
        replay.note(record)
    tell_unreadable(path, reading.unreadable)
    if not replay.total and not replay.strangers:
        raise UserError(Problem(path, NOTHING_RECORDED, HOW_TO_RECORD))
    return replay


def _print_replay(replay: Replay) -> None:
    differences = list(replay.differences())
    total = sum(difference.count for difference in differences)
    recorded = count(replay.total, "recorded request")
    say(f"{total} of {recorded} would be decided differently{':' if total else ''}")
    width = max((len(str(difference.count)) for difference in differences), default=0)
    for difference in differences:
        sign = "+" if difference.gained else "-"
        line = shorten_ids(difference.line)
        say(paint_change(f"  {sign} {difference.count:>{width}} x {line}, socket {difference.pair.name}", _SIGN))
        say(f"    {'':{width}}   {difference.why}")
    if replay.left_out:
        say(f"left out, because the log has too many different ones: {count(replay.left_out, 'request')}")
    for name, number in replay.strangers.items():
        say(f"left out, because neither policy has the socket {name}: {count(number, 'request')}")
