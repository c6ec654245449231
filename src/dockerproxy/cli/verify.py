"""Compare the policy with the engine that runs, and with the files of this host. It only reads.

  dockerproxy verify --policy policy.yaml
  dockerproxy verify --policy policy.yaml --json
  dockerproxy verify --policy policy.yaml --format sarif > verify.sarif

It finds an engine that is newer than the proxy, conditions that this engine ignores, names that no object has, binds
that are missing or links, unsafe folders of sockets, and mounts that are dead after a restart. Files are looked at only
where the engine's are seen from here.

exit status: 0 nothing to do, 1 errors or warnings, 2 something to mend, or the engine does not answer
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Final

from dockerproxy.cli import reports
from dockerproxy.cli.arguments import add_policy_argument, find_policy_file
from dockerproxy.cli.reports import run_with_report
from dockerproxy.cli.request import fetch
from dockerproxy.cli.terminal import Style, paint, say
from dockerproxy.cli.words import count
from dockerproxy.config.configuration import read_configuration
from dockerproxy.config.environment import Configured
from dockerproxy.problems import Problem, UserError
from dockerproxy.proxy.failures import choose_engine, explain_unreachable
from dockerproxy.workbench.findings import Finding, Severity, is_bad
from dockerproxy.workbench.on_disk import find_binds, find_engine_mount, find_mounted, find_sockets
from dockerproxy.workbench.verifying import Engine, compare, read, read_engine

_PATIENCE: Final = 10.0
"""Seconds for an answer of the engine."""

_LONGEST: Final = 16 << 20
_RULE: Final = "not-as-here"
_STYLES: Final = {Severity.ERROR: Style.BAD, Severity.WARNING: Style.DOUBTFUL, Severity.NOTE: Style.FAINT}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the policy file."""
    add_policy_argument(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    reports.add_format_argument(form)


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what was found, gravest first; 0 if nothing needs action."""
    if options.format is not None:
        file = find_policy_file(options.policy, environment)
        return run_with_report(options.format, "verify", file, partial(_report, options, environment, file))
    engine, findings = _find(options, environment)
    if options.json:
        print(json.dumps({"engine": str(engine), "findings": [asdict(each) for each in findings]}, indent=2))
    else:
        say(f"{paint('engine', Style.STRONG)}   {engine}", *_list_findings(findings))
    return 1 if is_bad(findings) else 0


def _find(options: argparse.Namespace, environment: Mapping[str, str]) -> tuple[Engine, tuple[Finding, ...]]:
    """Return what the engine is, and what was found, gravest first."""
    configured = read_configuration(environment, options.policy)
    paths = configured.settings.engines
    path = choose_engine(paths)

    def ask_engine(target: str) -> tuple[int, bytes]:
        return fetch(path, "GET", target, _PATIENCE, _LONGEST)

    try:
        engine = read_engine(ask_engine)
        sockets, file = configured.settings.sockets, configured.policy_file
        found = [*compare(sockets, engine, ask_engine, file), *_look_around(configured, engine, path)]
        found += find_mounted(read(ask_engine, "/containers/json?all=1"), sockets, path)
    except OSError as error:
        raise UserError(Problem("engine", explain_unreachable(paths, path, error))) from error
    return engine, tuple(sorted(dict.fromkeys(found), key=lambda each: list(Severity).index(each.severity)))


def _report(
    options: argparse.Namespace, environment: Mapping[str, str], file: str
) -> tuple[int, Sequence[reports.Finding]]:
    """Return the same for a report: the engine, which was asked, and what was found."""
    engine, findings = _find(options, environment)
    told = [reports.Finding(name=str(engine), where=file, rule=_RULE)]
    for each in findings:
        says = f"{each.about}: {each.text}" if each.about else each.text
        told.append(
            reports.Finding(
                name=each.about or "the policy",
                where=f"{file}:{each.line}" if each.line else file,
                rule=_RULE,
                level=each.severity,
                says=f"{says}; {each.hint}" if each.hint else says,
                fails=is_bad((each,)),
            )
        )
    return (1 if is_bad(findings) else 0), told


def _look_around(configured: Configured, engine: Engine, path: str) -> Iterator[Finding]:
    """Look at files, of the engine's host only if it is this one."""
    sockets, file = configured.settings.sockets, configured.policy_file
    yield from find_sockets(sockets, file)
    yield from find_engine_mount(path)
    if engine.folder and os.path.isdir(engine.folder):
        for socket in sockets:
            yield from find_binds(socket, file)
    else:
        text = "the files of its host are not seen from here: binds were not looked at"
        yield Finding(severity=Severity.NOTE, text=text, hint="run verify on the host", about="engine")


def _list_findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    for finding in findings:
        yield f"{paint(finding.severity, _STYLES[finding.severity])}{' ' * (9 - len(finding.severity))}{_say(finding)}"
        if finding.hint:
            yield paint(f"{' ' * 11}{finding.hint}", Style.FAINT)
    numbers = Counter(finding.severity for finding in findings)
    said = ", ".join(count(numbers[severity], severity) for severity in Severity if numbers[severity])
    yield said or paint("nothing found", Style.GOOD)


def _say(finding: Finding) -> str:
    return f"{finding.where}: {finding.text}" if finding.where else finding.text
