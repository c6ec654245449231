"""act runs workflows with the line of its recipe, two at once; what reaches further is denied."""

import re
import shlex
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cli.programs import Done
from e2e.engines import Engine
from e2e.talk import ask
from e2e.test_run import run

pytestmark = pytest.mark.engine

RECIPES = Path(__file__).parents[2] / "examples" / "recipes" / "policy.yaml"
ACT = str(Path(sys.executable).with_name("act"))
WORKFLOW = """
name: NAME
on: push
jobs:
  job:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4 # Instead of it, act copies the directory.
      - {run: 'cat file; echo "WHO=NAME" >> "$GITHUB_ENV"; echo left > /opt/hostedtoolcache/NAME', shell: sh}
      - {run: 'echo "set by $WHO"', shell: sh}
"""
WIDER = ("--network=host", "--privileged", "--bind")


@pytest.fixture
def workflow(dockerd: Engine, tmp_path: Path, label: str) -> Iterator[Path]:
    """A directory with one, where the volume is that all share."""
    kind = {"Content-Type": "application/json"}
    assert ask(dockerd.socket, "POST", "/volumes/create", b'{"Name": "act-toolcache"}', kind).status == 201
    yield make_workflow(tmp_path / f"one-{label}")
    ask(dockerd.socket, "DELETE", "/volumes/act-toolcache?force=1")


def make_workflow(folder: Path) -> Path:
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / ".github" / "workflows" / "ci.yaml").write_text(WORKFLOW.replace("NAME", folder.name))
    (folder / "file").write_text("read by a job\n")
    return folder


def act(engine: Engine, folder: Path, *more: str) -> Done:
    """Run act as the recipe says, with an image that stands in for that of a runner."""
    line = re.search(r"`dockerproxy run ([^`]+) -- act ([^`]+)`", RECIPES.read_text().replace("\n# ", " "))
    assert line is not None
    image = ("--platform=ubuntu-latest=busybox", "--pull=false", "--no-cache-server")
    return run(engine, folder, *shlex.split(line[1]), "--", ACT, *shlex.split(line[2]), *image, *more)


def test_two_run_workflows_at_once(dockerd: Engine, workflow: Path, label: str) -> None:
    folders = (workflow, make_workflow(workflow.with_name(f"two-{label}")))
    with ThreadPoolExecutor() as pool:
        ran = list(pool.map(lambda folder: act(dockerd, folder), folders))
    for folder, done in zip(folders, ran, strict=True):
        assert done.status == 0, done.out + done.err
        assert [line for line in ("read by a job", f"set by {folder.name}") if line not in done.out] == []
        assert "denied" not in done.err


def test_a_job_with_the_host_s_network_directories_or_privileges_is_denied(dockerd: Engine, workflow: Path) -> None:
    for option in WIDER:
        done = act(dockerd, workflow, option)
        assert done.status != 0
        assert "ContainerCreate denied" in done.out + done.err, done
