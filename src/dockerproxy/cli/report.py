"""Write an HTML report of client activity, denials and exposures.

  dockerproxy report --html report.html proxy.log
  dockerproxy report --policy policy.yaml --since 7d --html report.html proxy.log*

It reads one or more logs, in either format, also rotated or compressed with gzip. They need LOG_LEVEL=info or debug.
With a policy file, the report also shows what each socket exposes. It lists the most frequent objects and denials. The
page is one file that loads nothing from the network.

The report has names of objects, images and paths: show it only to people who may read the log.

exit status: 0 success, 2 usage or configuration error
"""

import argparse
import os
from collections.abc import Mapping

from dockerproxy.cli.arguments import find_policy_file, read_time_ago
from dockerproxy.cli.lines import HOW_TO_RECORD, NOTHING_RECORDED, read_lines
from dockerproxy.cli.progress import Progress
from dockerproxy.cli.terminal import count, say
from dockerproxy.config.files import open_file
from dockerproxy.config.policy_file import read_policy_file
from dockerproxy.host.files import check_directory, write_atomically
from dockerproxy.problems import Problem, UserError
from dockerproxy.workbench.activity import Activity
from dockerproxy.workbench.chains import describe_root
from dockerproxy.workbench.exposures import count_operations, list_exposures
from dockerproxy.workbench.page import BEGIN
from dockerproxy.workbench.reading import Records
from dockerproxy.workbench.report import Judged, Source, write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the logs, the policy and the output file."""
    parser.add_argument("logs", metavar="LOG", nargs="+", help="logs of the proxy; - is standard input")
    parser.add_argument("--html", metavar="FILE", required=True, help="the file to write")
    parser.add_argument("--policy", metavar="FILE", help="the policy file (default: POLICY_FILE, or none)")
    parser.add_argument("--since", metavar="TIME", help="ignore older requests: 30d, 12h, 2w")


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Write the report."""
    since = 0.0 if options.since is None else read_time_ago("--since", options.since)
    policy = find_policy_file(options.policy, environment)
    path = _find_place(options.html)
    sockets = read_policy_file(policy).sockets if policy else ()
    activity = Activity()
    progress = Progress(options.logs)
    reading = Records(progress.watch(read_lines(options.logs, progress.follow)))
    for record, when, times in reading.grouped():
        if when >= since:
            activity.note(record, when, times)
    if not activity.clients:
        raise UserError(Problem(", ".join(options.logs), NOTHING_RECORDED, HOW_TO_RECORD))
    source = Source(logs=options.logs, policy=policy, unreadable=reading.unreadable)
    judged = []
    for each in sockets:
        exposures = list_exposures(each.policy, in_file=True)
        judged.append(Judged(each.name, describe_root(each.policy), exposures, count_operations(each.policy)))
    page = write_report(activity, judged, source)
    try:
        write_atomically(path, page)
    except OSError as error:
        raise UserError(Problem(options.html, f"cannot be written: {error.strerror}")) from None
    number = sum(done.tally.count for done in activity.clients.values())
    say(f"{options.html}: {count(number, 'request')} of {count(len(activity.clients), 'client')}")
    return 0


def _find_place(given: str) -> str:
    """Return the path to write. Raises `UserError` unless it is writable, and new or an earlier report."""
    path = os.path.realpath(given)
    problems = check_directory(os.path.dirname(path))
    if problems:
        raise UserError(*problems)
    if os.path.lexists(path):
        with open_file(path) as file:
            begin = file.read(len(BEGIN))
        if begin not in (b"", BEGIN):
            raise UserError(Problem(given, "is not a report, so it is not overwritten", "choose another name"))
    return path
