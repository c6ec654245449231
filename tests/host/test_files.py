"""A file is written whole or not at all."""

import stat
from pathlib import Path

import pytest

from dockerproxy.host.files import check_directory, write_atomically


def test_a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("old")
    with path.open() as reader:
        write_atomically(str(path), "new ünicode")
        assert reader.read() == "old"
    assert path.read_text(encoding="utf-8") == "new ünicode"
    assert [file.name for file in tmp_path.iterdir()] == ["x.yaml"]


def test_others_cannot_read_it(tmp_path: Path) -> None:
    write_atomically(str(tmp_path / "x"), "")
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_a_file_may_keep_who_reads_it(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    (tmp_path / "x").chmod(0o604)
    write_atomically(str(tmp_path / "x"), "new", keep=True)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o604
    with pytest.raises(FileNotFoundError):
        write_atomically(str(tmp_path / "y"), "new", keep=True)
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("untouched")
    (tmp_path / "x").symlink_to(tmp_path / "target")
    write_atomically(str(tmp_path / "x"), "new")
    assert (tmp_path / "target").read_text() == "untouched"
    assert not (tmp_path / "x").is_symlink()


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "inside").touch()
    with pytest.raises(OSError, match="directory"):
        write_atomically(str(tmp_path / "x"), "new")
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


def test_a_directory_that_cannot_be_written_to_is_a_problem_with_a_hint(tmp_path: Path) -> None:
    assert check_directory(str(tmp_path)) == ()
    (problem,) = check_directory(str(tmp_path / "none"))
    assert str(problem).startswith(f"{tmp_path}/none: no such directory\n")
    (problem,) = check_directory("/proc/self")
    assert "is not writable" in str(problem)
