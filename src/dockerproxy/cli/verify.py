"""Check the policy against the running engine and this host.

  dockerproxy verify --policy policy.yaml
  dockerproxy verify --policy policy.yaml --json
  dockerproxy verify --policy policy.yaml --format sarif > verify.sarif

It finds engines that are newer than the proxy, conditions that this engine ignores, names without an object, binds that
are missing or symbolic links, unsafe directories of sockets, and mounts that break after a restart. It changes nothing.
It checks files only if this machine is the engine's host.

exit status: 0 no action needed, 1 errors or warnings, 2 usage or configuration error, or the engine does not answer
"""

import argparse
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from dockerproxy.cli.arguments import add_policy_argument, find_policy_file
from dockerproxy.cli.reports import add_format_argument, run_with_report
from dockerproxy.cli.request import fetch
from dockerproxy.cli.terminal import Style, count, paint, say
from dockerproxy.config.configuration import find_nested_sockets, read_configuration
from dockerproxy.config.environment import Configured
from dockerproxy.problems import Problem, UserError
from dockerproxy.proxy.failures import choose_engine, explain_unreachable
from dockerproxy.workbench.findings import Finding, Severity, differ
from dockerproxy.workbench.on_disk import find_binds, find_engine_mount, find_mounted, find_sockets
from dockerproxy.workbench.verifying import Engine, compare, find_old, read, read_engine

_PATIENCE: Final = 10.0
"""Seconds for the engine to answer."""

_LONGEST: Final = 16 << 20
_GRAVITY: Final = (*Severity, None)
_HAS_LINE: Final = re.compile(r".*:[0-9]+").fullmatch
_STYLES: Final = {Severity.ERROR: Style.BAD, Severity.WARNING: Style.DOUBTFUL, Severity.NOTE: Style.FAINT}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the policy file and the form of the output."""
    add_policy_argument(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    add_format_argument(form)


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the findings, the most severe first; return 0 if none needs action."""
    if options.format is not None:
        file = find_policy_file(options.policy, environment)
        return run_with_report(options.format, "verify", file, partial(_report, options, environment, file))
    engine, findings = _find(options, environment)
    if options.json:
        print(json.dumps({"engine": str(engine), "findings": [each._asdict() for each in findings]}, indent=2))
    else:
        say(f"{paint('engine', Style.STRONG)}   {engine}", *_list_findings(findings))
    return _find_status(findings)


def _find_status(findings: Sequence[Finding]) -> int:
    return 1 if any(each.fails for each in findings) else 0


def _find(options: argparse.Namespace, environment: Mapping[str, str]) -> tuple[Engine, tuple[Finding, ...]]:
    """Return the engine, and the findings, the most severe first."""
    configured = read_configuration(environment, options.policy)
    paths = configured.settings.engines
    path = choose_engine(paths)

    def ask_engine(target: str) -> tuple[int, bytes]:
        return fetch(path, "GET", target, _PATIENCE, _LONGEST)

    try:
        engine = read_engine(ask_engine)
        sockets, file = configured.settings.sockets, configured.policy_file
        found = [*compare(sockets, engine, ask_engine, file), *_look_around(configured, engine, path)]
        containers = read(ask_engine, "/containers/json?all=1")
        found += find_mounted(containers, sockets, path, file)
        found += find_old(containers, sockets, engine, ask_engine, file)
    except OSError as error:
        raise UserError(Problem("engine", explain_unreachable(paths, path, error))) from error
    return engine, tuple(sorted(dict.fromkeys(found), key=lambda each: _GRAVITY.index(each.level)))


def _report(options: argparse.Namespace, environment: Mapping[str, str], file: str) -> tuple[int, Sequence[Finding]]:
    """Return the same for a report, with the engine as a finding."""
    engine, findings = _find(options, environment)
    told = (each._replace(says=f"{each.name}: {each.says}") for each in findings)
    return _find_status(findings), [Finding(name=str(engine), where=file, rule="not-as-here"), *told]


def _look_around(configured: Configured, engine: Engine, path: str) -> Iterator[Finding]:
    """Check files; those of the engine's host only if it is this machine."""
    sockets, file = configured.settings.sockets, configured.policy_file
    yield from find_sockets(sockets, file)
    for problem in find_nested_sockets(sockets, file):
        yield differ("policy", problem.where, Severity.WARNING, problem.what, problem.hint)
    yield from find_engine_mount(path, file)
    if engine.folder and os.path.isdir(engine.folder):
        for socket in sockets:
            yield from find_binds(socket, file)
    else:
        text = "the files of its host are not visible here, so binds were not checked"
        yield differ("engine", file, Severity.NOTE, text, "run verify on the host")


def _list_findings(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        level = finding.level or Severity.NOTE
        place = finding.where if _HAS_LINE(finding.where) else finding.name
        yield f"{paint(level, _STYLES[level])}{' ' * (9 - len(level))}{place}: {finding.says}"
        if finding.hint:
            yield paint(f"{' ' * 11}{finding.hint}", Style.FAINT)
    numbers = Counter(finding.level for finding in findings)
    said = ", ".join(count(numbers[level], level) for level in Severity if numbers[level])
    yield said or paint("nothing found", Style.GOOD)
