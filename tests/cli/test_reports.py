"""Reports for CI are read by those who read reports, and say the same as the verb."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from cli.programs import run_here
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dockerproxy.cli.reports import write_junit, write_sarif
from dockerproxy.workbench.findings import Finding, Severity

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
PLACE = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation", "region"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "properties": {"uri": {"type": "string", "pattern": r"^[\w\-./:%~]+$"}},
                },
                "region": {
                    "type": "object",
                    "required": ["startLine"],
                    "properties": {name: {"type": "integer", "minimum": 1} for name in ("startLine", "startColumn")},
                    "additionalProperties": False,
                },
            },
        }
    },
}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "properties": {"id": {"type": "string"}, "shortDescription": TEXT},
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["ruleId", "message", "locations"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": TEXT,
                                "locations": {"type": "array", "minItems": 1, "items": PLACE},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What GitHub requires of SARIF 2.1.0, and what the standard says of it."""

VALIDATOR = Draft202012Validator(SARIF)

POLICY = """\
sockets:
  a:
    path: FOLDER/a.sock
    mode: report
    allow:
      - ContainerCreate: unrestricted
      - ContainerStop: {containers: [web]}
"""
EXPECTED = "allow POST /containers/web/stop\nallow POST /containers/db/stop\n"


def files_in(folder: Path) -> tuple[str, str, str]:
    texts = (POLICY, POLICY.replace("{containers: [web]}", '{containers: ["*"]}'), EXPECTED)
    paths = [folder / name for name in ("policy.yaml", "new.yaml", "expected.txt")]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text.replace("FOLDER", str(folder)))
    policy, new, expected = map(str, paths)
    return policy, new, expected


def results_of(*words: str) -> tuple[int, list[tuple[str, str, str, int]]]:
    """Return the status, and what SARIF has: rules, levels, files and lines."""
    done = run_here(*words, "--format", "sarif")
    report = json.loads(done.out)
    VALIDATOR.validate(report)
    (run,) = report["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    found = []
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        name = place["artifactLocation"]["uri"].rpartition("/")[2]
        found.append((result["ruleId"], result["level"], name, place["region"]["startLine"]))
    return done.status, found


def cases_of(*words: str) -> tuple[int, ET.Element, list[ET.Element]]:
    done = run_here(*words, "--format", "junit")
    root = ET.fromstring(done.out.partition("?>\n")[2])  # noqa: S314 (we wrote it)
    (suite,) = root
    for name, tag in (("tests", "testcase"), ("failures", "failure")):
        assert int(root.attrib[name]) == int(suite.attrib[name]) == len(list(suite.iter(tag)))
    return done.status, suite, list(suite.iter("testcase"))


def test_unmet_expectations_and_uncovered_lines_are_at_their_lines(tmp_path: Path) -> None:
    policy, _, expected = files_in(tmp_path)
    status, found = results_of("test", "--policy", policy, "--coverage", expected)
    assert (status, found) == (1, [("unmet", "error", "expected.txt", 2), ("not-exercised", "note", "policy.yaml", 6)])
    status, suite, cases = cases_of("test", "--policy", policy, expected)
    assert (status, suite.attrib["name"]) == (1, "dockerproxy test")
    assert [(case.attrib["name"], case.attrib["line"], len(case)) for case in cases] == [
        ("allow POST /containers/web/stop", "1", 0),
        ("allow POST /containers/db/stop", "2", 1),
    ]


def test_what_a_policy_exposes_is_at_the_line_that_does(tmp_path: Path) -> None:
    policy, _, _ = files_in(tmp_path)
    status, found = results_of("check", "--policy", policy)
    assert status == 0
    assert ("not-enforced", "warning", "policy.yaml", 3) in found
    assert ("exposure", "note", "policy.yaml", 6) in found
    assert not any(cases.findall("failure") for cases in cases_of("check", "--policy", policy)[2])


def test_mistakes_are_at_their_places_and_the_status_stays(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(
        f"sockets:\n  a:\n    path: {tmp_path}/none/a.sock\n    allow: [ContainerLst]\n"
    )
    policy = str(tmp_path / "policy.yaml")
    assert results_of("check", "--policy", policy) == (2, [("mistake", "error", "policy.yaml", 4)])
    assert results_of("diff", policy, policy) == (2, [("mistake", "error", "policy.yaml", 4)])
    (tmp_path / "policy.yaml").write_text(f"sockets:\n  a:\n    path: {tmp_path}/none/a.sock\n    allow: []\n")
    assert results_of("check", "--policy", policy) == (2, [("mistake", "error", "policy.yaml", 3)])


def test_what_a_policy_gains_is_at_the_line_that_grants_it(tmp_path: Path) -> None:
    policy, new, _ = files_in(tmp_path)
    assert results_of("diff", policy, new) == (
        1,
        [("lost", "note", "new.yaml", 3), ("gained", "warning", "new.yaml", 7)],
    )
    assert results_of("diff", policy, policy) == (0, [])
    status, _, (case,) = cases_of("diff", policy, policy)
    assert (status, case.attrib["name"], len(case)) == (0, "nothing differs", 0)
    (tmp_path / "third.yaml").write_text(POLICY.replace("FOLDER/a", "/b").replace("report", "enforce"))
    assert results_of("diff", policy, str(tmp_path / "third.yaml")) == (1, [("setting", "note", "third.yaml", 3)] * 2)


def test_what_the_environment_says_has_a_place_too() -> None:
    status, found = results_of("check", "--policy", "")
    assert status == 2
    assert {name for _, _, name, _ in found} == {"environment"}


@given(
    st.lists(st.tuples(st.text(), st.text(), st.text(min_size=1), st.none() | st.sampled_from(Severity)), max_size=4)
)
def test_text_of_others_is_no_markup(texts: list[tuple[str, str, str, Severity | None]]) -> None:
    findings = [
        Finding(name=name, where=f"{where}:3:4", rule="unmet", level=level, says=says, fails=True)
        for name, where, says, level in texts
    ]
    root = ET.fromstring(write_junit("test", "p.yaml", findings).partition("?>\n")[2])  # noqa: S314 (we wrote it)
    assert [element.tag for element in root.iter()] == [
        "testsuites",
        "testsuite",
        *["testcase", "failure"] * len(texts),
    ]
    report = json.loads(write_sarif("test", "p.yaml", findings))
    VALIDATOR.validate(report)
    assert len(report["runs"][0]["results"]) == len(texts)


def test_what_a_proof_finds_is_at_the_line_of_the_new_policy(tmp_path: Path) -> None:
    _, new, _ = files_in(tmp_path)
    old = write_old(tmp_path)
    assert results_of("diff", "--at-most", old, new) == (
        3,
        [("not-proven", "warning", "new.yaml", 3), ("not-proven", "warning", "new.yaml", 7)],
    )
    assert results_of("diff", "--at-most", old, old) == (0, [])
    status, suite, (case,) = cases_of("diff", "--at-most", old, old)
    assert (status, case.attrib["name"], case.attrib["line"], len(case)) == (0, "socket a: proven", "3", 0)
    assert suite.attrib["name"] == "dockerproxy diff"


@pytest.mark.parametrize("change", ["", "limits", "engine", "stop", "both"])
def test_a_report_of_a_proof_says_what_the_verb_says(change: str, tmp_path: Path) -> None:
    old, new = write_old(tmp_path), str(tmp_path / "new.yaml")
    text = Path(old).read_text()
    if change == "engine":
        text = f"engine: /run/e.sock\n{text}"
    if change in {"limits", "both"}:
        text = text.replace("    allow:\n", "    limits: {body: 2MiB}\n    allow:\n")
    if change in {"stop", "both"}:
        text = text.replace("{containers: [web]}", "{containers: [web, db]}")
    Path(new).write_text(text)
    plain = run_here("diff", "--at-most", old, new)
    status, _, cases = cases_of("diff", "--at-most", old, new)
    assert status == plain.status == (3 if change else 0)
    failures = [found.attrib["type"] for case in cases for found in case.findall("failure")]
    assert failures.count("not-proven") == len(re.findall("(?m)^(?:  |engine: )not proven", plain.out))


def write_old(folder: Path) -> str:
    old = folder / "old.yaml"
    old.write_text(POLICY.replace("FOLDER", str(folder)).replace("    mode: report\n", ""))
    return str(old)
