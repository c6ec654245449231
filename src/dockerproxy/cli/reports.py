"""Reports for CI: JUnit, which shows failures, and SARIF, which annotates lines of files.

A verb with `--format` passes its findings to `run_with_report`, which also reports a `UserError` of the verb.

Attacks: docs/attacks.md, cli/reports.
"""

import argparse
import json
import os
import re
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

from dockerproxy.cli.terminal import visible, write_as_is
from dockerproxy.problems import Problem, UserError
from dockerproxy.version import VERSION
from dockerproxy.workbench.findings import Finding, Severity

MISTAKE: Final = 2
"""Exit status for mistakes that the operator can fix."""

_PLACE: Final = re.compile(r"(.+?):([0-9]+)(?::([0-9]+))?")

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_VERSION: Final = "2.1.0"


def add_format_argument(parser: argparse._ActionsContainer) -> None:
    """Declare the format of the report."""
    parser.add_argument("--format", choices=sorted(_WRITERS), help="print a JUnit or SARIF report for CI")


def run_with_report(form: str, verb: str, policy_file: str, find: Callable[[], tuple[int, Sequence[Finding]]]) -> int:
    """Print a report, `junit` or `sarif`, of a verb's findings and mistakes; return the exit status.

    A finding without a file counts for the policy file, which is empty if the environment is the configuration.
    """
    try:
        status, findings = find()
    except UserError as error:
        status, findings = MISTAKE, [find_mistake(problem) for problem in error.problems]
    write_as_is(_WRITERS[form](verb, policy_file or "environment", findings))
    return status


def find_mistake(problem: Problem) -> Finding:
    """Return a mistake of the operator as a finding."""
    where, what, hint = problem
    return Finding(name=where, where=where, rule="mistake", level=Severity.ERROR, says=what, hint=hint, fails=True)


def _say(finding: Finding) -> str:
    return f"{finding.says}; {finding.hint}" if finding.hint else finding.says


def _find_place(where: str, default: str) -> tuple[str, int, int]:
    """Return the file, relative to the working directory if it is below it, with line and column."""
    found = _PLACE.fullmatch(where)
    file, line, column = (found[1], int(found[2]), int(found[3] or 1)) if found else (where, 1, 1)
    file = file if found or os.path.isfile(file) else default
    inside = os.path.relpath(file)
    return os.path.abspath(file) if inside.startswith("..") else inside, line, column


def write_junit(verb: str, policy_file: str, findings: Sequence[Finding]) -> str:
    """Write a report in JUnit's XML."""
    failed = sum(finding.fails for finding in findings)
    numbers = {"tests": str(len(findings)), "failures": str(failed), "errors": "0", "skipped": "0"}
    suites = ET.Element("testsuites", {"name": "dockerproxy", **numbers})
    suite = ET.SubElement(suites, "testsuite", {"name": f"dockerproxy {verb}", **numbers})
    for finding in findings:
        file, line, _ = _find_place(finding.where, policy_file)
        about = {"classname": visible(file), "name": visible(finding.name), "file": visible(file), "line": str(line)}
        case = ET.SubElement(suite, "testcase", about)
        if finding.says:
            says = visible(_say(finding))
            attributes = {"message": says, "type": finding.rule} if finding.fails else {}
            text = f"{visible(file)}:{line}: {says}"
            ET.SubElement(case, "failure" if finding.fails else "system-out", attributes).text = text
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def write_sarif(verb: str, policy_file: str, findings: Sequence[Finding]) -> str:
    """Write a report in SARIF 2.1.0, with the fields that GitHub needs; a passed check has no result."""
    found = [finding for finding in findings if finding.says]
    rules = sorted({finding.rule for finding in found})
    driver = {
        "name": f"dockerproxy {verb}",
        "version": VERSION,
        "rules": [{"id": rule, "shortDescription": {"text": _RULES.get(rule, rule)}} for rule in rules],
    }
    results = [
        {
            "ruleId": finding.rule,
            "ruleIndex": rules.index(finding.rule),
            "level": finding.level or "none",
            "message": {"text": visible(_say(finding))},
            "locations": [_locate(*_find_place(finding.where, policy_file))],
        }
        for finding in found
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return f"{json.dumps({'$schema': _SCHEMA, 'version': _VERSION, 'runs': [run]}, indent=2)}\n"


def _locate(file: str, line: int, column: int) -> object:
    uri = f"file://{quote(file)}" if os.path.isabs(file) else quote(file)
    region = {"startLine": line, "startColumn": column}
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}


_RULES: Final = {
    "mistake": "a mistake in a policy file, a variable, an argument or on this machine",
    "not-enforced": "a socket that denies nothing",
    "exposure": "a consequence of the policy that may be unexpected",
    "unmet": "an expectation that the policy does not meet",
    "not-exercised": "a line that no expectation exercises",
    "gained": "allowed by the new policy, not by the old one",
    "not-proven": "may allow more than the old policy, but no such request was found",
    "lost": "allowed by the old policy, not by the new one",
    "not-as-here": "a mismatch between the policy and the engine or the host",
    "setting": "a setting of a socket that differs",
}
"""The kinds of findings, each with a description."""

_WRITERS: Final = {"junit": write_junit, "sarif": write_sarif}
