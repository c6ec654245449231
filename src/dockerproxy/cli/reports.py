"""Reports for CI: JUnit, which shows what failed, and SARIF, which annotates lines of files.

A verb that has `--format` gives its findings to `run_with_report`, which also takes the mistakes that a verb raises.

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
"""Exit status for what an operator has to mend."""

_PLACE: Final = re.compile(r"(.+?):([0-9]+)(?::([0-9]+))?")

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_VERSION: Final = "2.1.0"


def add_format_argument(parser: argparse._ActionsContainer) -> None:
    """Take the format of a report."""
    parser.add_argument("--format", choices=sorted(_WRITERS), help="print a report for CI instead: JUnit or SARIF")


def run_with_report(form: str, verb: str, policy_file: str, find: Callable[[], tuple[int, Sequence[Finding]]]) -> int:
    """Print a report, `junit` or `sarif`, of what a verb finds, mistakes included; return the exit status.

    What is found in no file counts for the policy file; that is empty if the environment is configured.
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
    """Return the file, from the working folder where it is below that, with line and column."""
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
    """Write a report in SARIF 2.1.0, with what GitHub needs of it: what is well has no result."""
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
    "exposure": "what a policy lets a client do that one may not expect",
    "unmet": "an expectation that the policy does not meet",
    "not-exercised": "a line that no expectation exercises",
    "gained": "what the new policy allows and the old one does not",
    "not-proven": "what may allow more than the old policy, though no request was found that shows it",
    "lost": "what the old policy allows and the new one does not",
    "not-as-here": "what the policy, and the engine or the host, do not agree on",
    "setting": "a setting of a socket that differs",
}
"""The kinds of findings, in a phrase."""

_WRITERS: Final = {"junit": write_junit, "sarif": write_sarif}
