"""The file of a run that learned: continued by the next one, and no other file is touched."""

import os
import stat
from pathlib import Path

import pytest

from dockerproxy.cli.learned import REMARK, find_obstacles, make_learner, read_former, write_learned
from dockerproxy.config.environment import read_environment
from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import Outcome, Peer, Record

RECORD = Record("run", Peer(0, 0, 1), "GET", "/info", "SystemInfo", "", Outcome.REPORTED, "", "", 200, 0, 0, 1.0)


def learned() -> str:
    learner = make_learner(read_environment({"PROXIED_SOCKET_PATH": "/run/private/docker.sock"}).settings.sockets[0])
    learner.note(RECORD, 0)
    return learner.text()


def test_what_is_learned_has_the_remark_and_not_the_private_path() -> None:
    assert f"# {REMARK}\n" in learned()
    assert "private/" not in learned()
    assert read_policy(learned(), "x").sockets[0].policy.allows("SystemInfo")


def test_a_file_of_ours_is_replaced_also_when_a_person_has_edited_it(tmp_path: Path) -> None:
    file = tmp_path / "learned.yaml"
    assert read_former(str(file)) == ""
    assert write_learned(str(file), learned()) == ()
    file.write_text(learned() + "      - SystemVersion\n")
    assert "SystemVersion" in read_former(str(file))
    assert write_learned(str(file), learned()) == ()
    assert file.read_text() == learned()


@pytest.mark.parametrize("text", ["", "mine", "sockets: {a: {path: /a, allow: []}}", "\n" * 20 + f"# {REMARK}"])
def test_a_file_that_it_did_not_write_is_not_overwritten(text: str, tmp_path: Path) -> None:
    file = tmp_path / "learned.yaml"
    file.write_text(text)
    (problem,) = write_learned(str(file), learned())
    assert problem.what.startswith("was not written by `dockerproxy run --learn`")
    assert file.read_text() == text


def test_a_file_of_ours_that_cannot_be_read_any_more_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "learned.yaml"
    file.write_text(learned() + "      - ContainerLists\n")
    (problem,) = find_obstacles(str(file))
    assert problem.what == "unknown operation 'ContainerLists'"


def test_a_file_of_ours_to_which_a_socket_was_added_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "learned.yaml"
    file.write_text(learned() + "  other: {path: /other, allow: []}\n")
    (problem,) = find_obstacles(str(file))
    assert problem.what == "has 2 sockets, but learning extends only one"


@pytest.mark.parametrize("kind", ["pipe", "directory", "dangling"])
def test_what_is_no_file_is_not_overwritten(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "learned.yaml"
    {"pipe": os.mkfifo, "directory": os.mkdir, "dangling": lambda path: path.symlink_to("/nonexistent")}[kind](path)
    before = path.lstat()
    assert len(write_learned(str(path), learned())) == 1
    after = path.lstat()
    assert (after[:7], after.st_ctime_ns) == (before[:7], before.st_ctime_ns)  # Looking changes the access time.


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target.yaml", tmp_path / "learned.yaml"
    target.write_text(learned())
    link.symlink_to(target)
    assert write_learned(str(link), learned() + "\n") == ()
    assert target.read_text() == learned()
    assert stat.S_ISREG(link.lstat().st_mode)


@pytest.mark.root
def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    os.seteuid(65534)
    try:
        assert len(write_learned(str(tmp_path / "learned.yaml"), learned())) == 1
    finally:
        os.seteuid(0)
