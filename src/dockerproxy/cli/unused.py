"""Find what a policy grants and nobody needed, in logs of weeks, and print the narrower policy as a patch.

  dockerproxy unused policy.yaml --log proxy.log --since 30d > narrower.patch
  git apply narrower.patch          # or: patch -p1 < narrower.patch

There may be several logs, in either format, rotated, and compressed with gzip; LOG_LEVEL is info or debug. What their
records do not tell stays as it is, and is listed: bodies are recorded by sockets with mode: report. The narrower policy
allows nothing that the old one does not, and every recorded request that the old one allows. Read the patch before you
apply it: what happens once a year may not be in the log.

exit status: 0 nothing to narrow, 1 there is, 2 something to mend
"""

import argparse
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from dockerproxy.cli.arguments import (
    add_since_argument,
    add_socket_argument,
    choose_sockets,
    find_policy_file,
    read_time_ago,
)
from dockerproxy.cli.lines import HOW_TO_RECORD, NOTHING_RECORDED, read_lines, tell_unreadable
from dockerproxy.cli.terminal import Style, count, paint, paint_change, say, write_as_is
from dockerproxy.config.document import read_file
from dockerproxy.config.policy_file import read_policy
from dockerproxy.problems import Problem, UserError
from dockerproxy.text import escape
from dockerproxy.workbench import edits
from dockerproxy.workbench.narrowing import Narrowed, narrow_file
from dockerproxy.workbench.reading import Reading
from dockerproxy.workbench.usage import Usage

_DAY: Final = "%Y-%m-%d"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a policy and logs."""
    parser.add_argument("policy", metavar="POLICY", nargs="?", help="the policy file; without it POLICY_FILE")
    parser.add_argument(
        "--log", metavar="FILE", nargs="+", required=True, help="logs of the proxy, - for standard input"
    )
    add_since_argument(parser)
    add_socket_argument(parser)


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what is not needed, and the patch; 0 if all is."""
    path = find_policy_file(options.policy, environment)
    if not path:
        hint = "name it; `dockerproxy check --print` prints one that means what the environment says"
        raise UserError(Problem("unused", "which policy file?", hint))
    since = 0.0 if options.since is None else read_time_ago("--since", options.since)
    text = read_file(path)
    sockets = read_policy(text, path).sockets
    lines = edits.read_lines(text, path)
    usages = {socket.name: Usage(socket, lines[socket.name]) for socket in choose_sockets(sockets, options.socket)}
    _read_logs(options.log, usages, since)
    narrowed = narrow_file(text, path, tuple(usages.values()))
    say(*_list_findings(path, usages.values(), narrowed))
    if narrowed.made:
        patch = edits.write_patch(text, narrowed.text, _name_in_patch(path))
        write_as_is("".join(f"{paint_change(line)}\n" for line in ("", *patch)))
    return 1 if narrowed.made or narrowed.left else 0


def _read_logs(logs: list[str], usages: Mapping[str, Usage], since: float) -> None:
    reading = Reading(read_lines(logs))
    for record, when in reading:
        if when >= since and record.socket in usages:
            usages[record.socket].note(record, when)
    where = ", ".join(logs)
    tell_unreadable(where, reading.unreadable)
    if not any(usage.span for usage in usages.values()):
        raise UserError(Problem(where, f"{NOTHING_RECORDED} of these sockets", HOW_TO_RECORD))


def _list_findings(path: str, usages: Iterable[Usage], narrowed: Narrowed) -> Iterator[str]:
    """Say what was found, in lines that no tool takes for a part of the patch."""
    for usage in usages:
        yield paint(f"# socket {usage.socket.name}: {_describe_log(usage)}", Style.STRONG)
        found = [(change.line, change.says) for change in narrowed.made if change.line in usage.lines]
        found += [
            (change.line, f"{change.says}, but {why}") for change, why in narrowed.left if change.line in usage.lines
        ]
        found += usage.find_doubts()
        for line, says in sorted(found, key=lambda each: (each[0].place.line, each[0].place.column)):
            yield f"# {escape(path)}:{line.place.line}  {line.word}: {says}"
        if not found and usage.span is not None and not usage.kinds.left_out:
            yield "# all of it was used"


def _describe_log(usage: Usage) -> str:
    if usage.span is None:
        return "no recorded requests, so nothing is said of it"
    if usage.kinds.left_out:
        return f"too many different requests, {usage.kinds.left_out} of which are left out, so nothing is said of it"
    first, last = (time.strftime(_DAY, time.gmtime(when)) for when in usage.span)
    return f"{count(usage.kinds.counts.total(), 'request')}, {first} to {last}"


def _name_in_patch(path: str) -> str:
    """Return a path as seen from the working folder; from the root if it is not below that, as patch takes no `..`."""
    name = os.path.relpath(path)
    return os.path.abspath(path).lstrip("/") if name.startswith("..") else name
