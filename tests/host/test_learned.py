"""What was learned reaches its file, and a disk that fails loses nothing."""

import asyncio
import json
from pathlib import Path

import yaml
from waiting import PATIENCE

from dockerproxy.config.environment import read_environment
from dockerproxy.host.learned import Learned, place_of
from dockerproxy.observe.log import Log
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.process_settings import LogFormat
from dockerproxy.settings import Level
from dockerproxy.workbench.learning import Learner

RECORD = Record(
    *("docker", Peer(0, 0, 1), "GET", "/info", "SystemInfo", "", Outcome.REPORTED),
    *("", "", 200, 0, 0, 1.0),
)


def taught() -> Learner:
    learner = Learner(read_environment({}).settings.sockets[0])
    learner.note(RECORD, 0)
    return learner


def write(directory: Path, learner: Learner, times: int = 1) -> list[dict[str, str]]:
    """Write what is new some times over; return what the log says."""

    async def work() -> None:
        with (directory / "log").open("wb") as sink:
            log = Log(Level.DEBUG, LogFormat.JSON, sink.fileno())
            learned = Learned(log)
            learned.follow(str(directory / "learned"), {"docker": learner})
            for _ in range(times):
                await learned.write()
            log.close(PATIENCE)

    asyncio.run(work())
    return [json.loads(line) for line in (directory / "log").read_text().splitlines()]


def test_a_policy_is_written_under_the_name_of_its_socket(tmp_path: Path) -> None:
    (tmp_path / "learned").mkdir()
    write(tmp_path, taught())
    document = yaml.safe_load(Path(place_of(str(tmp_path / "learned"), "docker")).read_text())
    assert document["sockets"]["docker"]["allow"] == ["SystemInfo"]


def test_it_is_written_only_if_something_is_new(tmp_path: Path) -> None:
    (tmp_path / "learned").mkdir()
    assert len(write(tmp_path, taught(), times=3)) == 1


def test_what_cannot_be_written_is_said_and_tried_again(tmp_path: Path) -> None:
    learner = taught()
    (line,) = write(tmp_path, learner)
    assert line["level"] == "err"
    assert "docker.learned.yaml: No such file or directory; the learned policy stays in memory" in line["text"]
    (tmp_path / "learned").mkdir()
    write(tmp_path, learner)
    assert Path(place_of(str(tmp_path / "learned"), "docker")).exists()
