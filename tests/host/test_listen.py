"""A socket of ours appears in its place ready to use, and never in the place of another's."""

import os
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dockerproxy.config.environment import read_environment
from dockerproxy.host.listen import Listening, check_place, is_in_use, listen
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import MAX_SOCKET_PATH, SocketSettings

POLICY = read_environment({}).settings.sockets[0].policy


def settings_for(
    path: Path | str, *, mode: int = 0o660, uid: int | None = None, gid: int | None = None
) -> SocketSettings:
    return SocketSettings(name="docker", path=str(path), permissions=mode, uid=uid, gid=gid, policy=POLICY)


@contextmanager
def listening(settings: SocketSettings) -> Iterator[Listening[SocketSettings]]:
    opened = listen(settings, 128)
    try:
        yield opened
    finally:
        opened.remove()
        opened.socket.close()


@contextmanager
def bound(path: Path, *, listens: bool) -> Iterator[None]:
    """Have a socket at a path that somebody listens on, or that was left behind."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        if listens:
            other.listen()
            yield
    if not listens:
        yield


def answers(path: Path | str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def problem_of(settings: SocketSettings) -> Problem:
    with pytest.raises(UserError) as caught:
        listen(settings, 128)
    (problem,) = caught.value.problems
    return problem


def is_clean(folder: Path, *names: str) -> bool:
    """Whether a folder holds these files and nothing that was left behind."""
    return {path.name for path in folder.iterdir()} == set(names)


def test_a_socket_is_in_its_place_and_answers(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with listening(settings_for(path)):
        assert answers(path)
        assert is_clean(tmp_path, "docker.sock")


@pytest.mark.parametrize("mode", [0o660, 0o600, 0o666, 0o777, 0])
def test_a_socket_has_the_mode_it_should_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "docker.sock"
    for mask in (0, 0o077, 0o777):
        before = os.umask(mask)
        try:
            with listening(settings_for(path, mode=mode)):
                assert stat.S_IMODE(path.stat().st_mode) == mode
        finally:
            assert os.umask(before) == mask, "the umask was changed for good"


def test_a_socket_has_the_owner_it_should(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    root = os.geteuid() == 0
    uid, gid = (12345, 54321) if root else (os.geteuid(), os.getegid())
    for settings, owner in (
        (settings_for(path, uid=uid), (uid, os.getegid())),
        (settings_for(path, gid=gid), (os.geteuid(), gid)),
        (settings_for(path, uid=uid, gid=gid), (uid, gid)),
        (settings_for(path), (os.geteuid(), os.getegid())),
    ):
        with listening(settings):
            status = path.stat()
            assert (status.st_uid, status.st_gid) == owner


WATCHED = """
    import os, socket, stat, sys
    from dockerproxy.config.environment import read_environment
    from dockerproxy.host.listen import listen

    def watch(event, arguments):
        if event == "os.rename":
            beside, path = arguments[:2]
            status = os.stat(beside)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(beside)
            print(f"{stat.S_IMODE(status.st_mode):o} {status.st_uid} {status.st_gid} {os.path.exists(path)}")
        if event == "socket.bind":
            assert arguments[1] != sys.argv[1], "it is bound in its place"

    sys.addaudithook(watch)
    listen(read_environment({
        "PROXIED_SOCKET_PATH": sys.argv[1], "PROXIED_SOCKET_MODE": "0606",
        "PROXIED_SOCKET_UID": str(os.geteuid()), "PROXIED_SOCKET_GID": str(os.getegid()),
    }).settings.sockets[0], 128)
"""


def test_nobody_can_connect_before_mode_and_owner_are_as_they_should_be(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    words = [sys.executable, "-c", textwrap.dedent(WATCHED), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == f"606 {os.geteuid()} {os.getegid()} False\n"


def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with bound(path, listens=False):
        assert not answers(path)
        assert check_place(settings_for(path)) == ()
        with listening(settings_for(path)):
            assert answers(path)


def test_a_socket_on_which_somebody_listens_is_not_stolen(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with bound(path, listens=True):
        inode = path.stat().st_ino
        problem = problem_of(settings_for(path))
        assert (problem.where, problem.what) == (str(path), "another process listens on this socket")
        assert problem.hint == "stop it, or choose another path"
        assert check_place(settings_for(path)) == (), "most likely it is the proxy whose settings are checked"
        assert path.stat().st_ino == inode
        assert answers(path)
        assert is_clean(tmp_path, "docker.sock")


@pytest.mark.parametrize("kind", ["file", "folder", "fifo", "link"])
def test_what_is_no_socket_is_not_touched(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "docker.sock"
    if kind == "file":
        path.write_text("precious")
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        {"folder": os.mkdir, "fifo": os.mkfifo}[kind](path)
    before = path.lstat()
    problem = problem_of(settings_for(path))
    assert problem.what == "exists and is not a socket"
    assert check_place(settings_for(path)) == (problem,)
    after = path.lstat()
    assert (after[:7], after.st_ctime_ns) == (before[:7], before.st_ctime_ns)  # Looking changes the access time.
    assert is_clean(tmp_path, "docker.sock")


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "none" / "docker.sock")
    problem = problem_of(settings)
    assert problem.what == f'directory "{tmp_path}/none" does not exist'
    assert problem.hint == "create it, or mount a volume there"
    assert check_place(settings) == (problem,)


def test_a_directory_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = settings_for(tmp_path / "file" / "docker.sock")
    problem = problem_of(settings)
    assert problem.what == f'"{tmp_path}/file" is not a directory'
    assert check_place(settings) == (problem,)


@pytest.mark.root
def test_a_read_only_file_system_is_said_to_be_one(tmp_path: Path) -> None:
    program = "import sys; from cli.programs import run; print(run('check', PROXIED_SOCKET_PATH=sys.argv[1]).err)"
    mount = 'mount -t tmpfs -o ro none "$1" && exec "$2" -c "$3" "$1/docker.sock"'
    words = ["unshare", "--mount", "sh", "-c", mount, "sh", str(tmp_path), sys.executable, program]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    assert f': directory "{tmp_path}" is read-only\n    mount a volume there\n' in done.stdout


UNPRIVILEGED = """
    import os, sys
    from dockerproxy.config.environment import read_environment
    from dockerproxy.problems import UserError
    from dockerproxy.host.listen import check_place, listen
    from dockerproxy.workbench.on_disk import find_sockets

    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(*[65534] * 3), os.setresuid(*[65534] * 3)
    variables = dict(word.split("=") for word in sys.argv[2:])
    settings = read_environment({"PROXIED_SOCKET_PATH": sys.argv[1], **variables}).settings.sockets[0]
    print(*check_place(settings), sep="\\n", end="\\n" * bool(check_place(settings)))
    for found in find_sockets((settings,), "") if variables else ():
        print(f"{found.says}\\n    {found.hint}\\n" * (found.level == "error"), end="")
    try:
        listen(settings, 128)
    except UserError as error:
        print(error)
"""


def run_unprivileged(*words: str) -> str:
    """Check a place and listen there as a user that may not do everything."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(UNPRIVILEGED), *words], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("mode", [0o555, 0o444])
def test_a_directory_that_cannot_be_written_to_is_said_with_who_would_have_to(mode: int) -> None:
    uid = os.geteuid() or 65534
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, mode)
        said = run_unprivileged(f"{folder}/docker.sock")
        assert said.splitlines() == 2 * [
            f"{folder}/docker.sock: permission denied",
            f"    choose a path that uid {uid} can write to",
        ]
        assert is_clean(Path(folder))


@pytest.mark.parametrize("owner", ["UID", "GID"])
def test_a_socket_that_may_not_be_given_away_is_an_error_and_leaves_nothing_behind(owner: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o1777)  # noqa: S103 (as above)
        said = run_unprivileged(f"{folder}/docker.sock", f"PROXIED_SOCKET_{owner}=0")
        hint = "only root with CAP_CHOWN gives it to another user or to a group that it is not in, or replaces theirs"
        assert said.splitlines() == 3 * [f"{folder}/docker.sock: permission denied", f"    {hint}"]
        assert is_clean(Path(folder))


def test_a_group_that_the_directory_or_the_file_has_needs_no_permission() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o3777)  # noqa: S103 (as above)
        words = f"{folder}/docker.sock", f"PROXIED_SOCKET_GID={os.stat(folder).st_gid}"
        assert run_unprivileged(*words) + run_unprivileged(*words) == ""


def test_a_socket_that_may_not_be_asked_whether_it_is_in_use_is_not_replaced() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)  # noqa: S103 (whoever runs this must be able to write there)
        path = Path(folder, "docker.sock")
        with bound(path, listens=True):
            path.chmod(0)
            inode = path.stat().st_ino
            expected = f"{path}: cannot tell whether the socket is in use: [Errno 13] Permission denied\n"
            assert run_unprivileged(str(path)) == 2 * expected
            assert path.stat().st_ino == inode


@pytest.mark.parametrize("listens", [True, False])
def test_a_socket_tells_whether_it_is_in_use_though_its_queue_is_full(tmp_path: Path, *, listens: bool) -> None:
    """Each look takes a place in the queue, which has 129."""
    with bound(tmp_path / "docker.sock", listens=listens):
        assert {is_in_use(str(tmp_path / "docker.sock")) for _ in range(150)} == {listens}
    assert not is_in_use(str(tmp_path / "nothing"))


def test_a_path_of_as_many_bytes_as_can_be_works(tmp_path: Path) -> None:
    path = tmp_path / ("x" * (MAX_SOCKET_PATH - len(str(tmp_path)) - 1))
    assert len(str(path)) == MAX_SOCKET_PATH
    with listening(settings_for(path)):
        assert answers(path)


def test_a_short_name_in_a_directory_with_a_long_one_works(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * (MAX_SOCKET_PATH - len(str(tmp_path)) - 3))
    folder.mkdir()
    with listening(settings_for(folder / "s")):
        assert answers(folder / "s")
        assert is_clean(folder, "s")


@pytest.mark.parametrize("name", ["s", "ab", "abc"])
def test_the_shortest_names_work(tmp_path: Path, name: str) -> None:
    with listening(settings_for(tmp_path / name)):
        assert answers(tmp_path / name)
        assert is_clean(tmp_path, name)


def test_a_socket_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with listening(settings_for(path)):
        pass
    assert is_clean(tmp_path)


def test_a_socket_in_use_is_replaced_only_when_all_is_ready(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with listening(settings_for(path)) as old:
        new = listen(settings_for(path), 128, takes_over=True)
        assert path.stat().st_ino == old.identity[1]
        new.appear()
        assert path.stat().st_ino == new.identity[1]
        assert old.remove()
        assert answers(path)
        assert not new.remove()
        new.socket.close()
        assert is_clean(tmp_path)


def test_a_socket_that_did_not_take_over_leaves_the_other_one_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with listening(settings_for(path)):
        new = listen(settings_for(path), 128, takes_over=True)
        new.remove()
        new.socket.close()
        assert answers(path)
        assert is_clean(tmp_path, "docker.sock")


def test_a_socket_is_removed_once(tmp_path: Path) -> None:
    """Later its inode may be that of another socket; a second name gives it back to this one here."""
    path, kept = tmp_path / "docker.sock", tmp_path / "kept"
    with listening(settings_for(path)) as ours:
        os.link(path, kept)
        ours.remove()
        os.link(kept, path)
        ours.remove()
        assert path.exists()


def test_a_socket_that_is_no_longer_ours_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with listening(settings_for(path)) as ours:
        path.rename(tmp_path / "moved")
        with bound(path, listens=True):
            ours.remove()
            assert answers(path)


def test_a_socket_that_is_gone_needs_no_removal(tmp_path: Path) -> None:
    with listening(settings_for(tmp_path / "docker.sock")) as ours:
        (tmp_path / "docker.sock").unlink()
        ours.remove()


def test_a_place_that_is_free_has_no_problem_and_is_left_as_it_is(tmp_path: Path) -> None:
    assert check_place(settings_for(tmp_path / "docker.sock")) == ()
    assert is_clean(tmp_path)


def test_two_sockets_side_by_side_do_not_disturb_each_other(tmp_path: Path) -> None:
    with listening(settings_for(tmp_path / "one")), listening(settings_for(tmp_path / "two")):
        assert answers(tmp_path / "one")
        assert answers(tmp_path / "two")
        assert is_clean(tmp_path, "one", "two")


@pytest.mark.root
def test_a_socket_in_use_gets_other_permissions_and_another_group_without_being_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    with listening(settings_for(path)) as opened:
        opened.change(settings_for(path, mode=0o600, gid=4321))
        status = path.stat()
        assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o600, 4321)
        opened.change(settings_for(path))
        status = path.stat()
        assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o660, os.getegid())
        assert answers(path)


def test_what_is_put_in_its_place_is_neither_changed_nor_followed(tmp_path: Path) -> None:
    path, moved, file, other = (tmp_path / name for name in ("x.sock", "moved", "file", "other.sock"))
    file.touch(mode=0o600)
    with listening(settings_for(path)) as opened, listening(settings_for(other, mode=0o600)):
        path.rename(moved)
        for target, is_hard in ((file, True), (other, True), (file, False), (other, False), (moved, False)):
            path.hardlink_to(target) if is_hard else path.symlink_to(target)
            with pytest.raises(UserError, match="is no longer the socket of the proxy"):
                opened.change(settings_for(path, mode=0o666, gid=4321))
            path.unlink()
        assert [stat.S_IMODE(each.stat().st_mode) for each in (file, other, moved)] == [0o600, 0o600, 0o660]
        assert {each.stat().st_gid for each in (file, other, moved)} == {os.getegid()}
