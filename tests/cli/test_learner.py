"""A learner continues from the file of an earlier run, and from nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from dockerproxy.cli.learner import ResumingLearner
from dockerproxy.config.environment import read_environment
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.problems import UserError

RECORD = Record("docker", Peer(0, 0, 1), "GET", "/info", "SystemInfo", "", Outcome.REPORTED, "", "", 200, 0, 0, 1.0)


def learner() -> ResumingLearner:
    return ResumingLearner(read_environment({}).settings.sockets[0])


def test_what_an_earlier_run_learned_is_learned_again(tmp_path: Path) -> None:
    first, second, file = learner(), learner(), tmp_path / "docker.learned.yaml"
    first.note(RECORD, 0)
    file.write_text(first.text())
    second.resume_from(str(file))
    assert second.text() == first.text()


@pytest.mark.parametrize("text", ["sockets: [", "sockets: {a: {path: /a, allow: []}, b: {path: /b, allow: []}}"])
def test_another_file_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(text)
    with pytest.raises(UserError, match=r"other\.yaml"):
        learner().resume_from(str(tmp_path / "other.yaml"))


def test_serving_loads_nothing_that_learns_as_long_as_no_socket_does() -> None:
    program = "import sys, dockerproxy.cli.serve; print('dockerproxy.workbench.learning' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded == "False\n"
