"""The packages: made as for a release, installed, tried and removed."""

import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from dockerproxy.cli.main import VERBS
from dockerproxy.version import VERSION

pytestmark = [pytest.mark.engine, pytest.mark.root]

ROOT = Path(__file__).parents[2]
PARTS = ("src", "packaging", "examples", "README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "hatch_build.py")
SAID = f"dockerproxy {VERSION}\n"
SYSTEM = "base-files,coreutils,dash,dpkg,python3,python3-h2,python3-uvloop,python3-yaml,systemd-standalone-sysusers"
BASH = """
source "$1"
COMP_WORDS=(dockerproxy "${@:2}") COMP_CWORD=$(($# - 1))
_shtab_dockerproxy dockerproxy "${@: -1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = "source $argv[1]; complete --do-complete (string join -- ' ' dockerproxy $argv[2..])"
ZSH = """
zmodload zsh/zpty
zpty shell zsh --no-rcs --interactive
zpty -w shell "PS1= fpath=(${1:h} \\$fpath); autoload -U compinit; compinit -D; bindkey '^I' complete-word"
zpty -w shell "print -n rea''dy"
zpty -r -m shell seen '*ready*'
zpty -w -n shell "dockerproxy ${*[2,-1]}"$'\\t'
zpty -r -m shell seen "*${argv[-1]}[a-z]*[[:space:]]*"
print -r -- $seen
zpty -d shell
"""


def run(*words: str, **variables: str) -> str:
    """Run a program to a good end, and return all that it printed."""
    environment = {**os.environ, **variables}
    done = subprocess.run(words, check=False, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What packaging/release makes of a commit, here of the tree as it is."""
    folder = tmp_path_factory.mktemp("packages") / "tree"
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder)
    return make(folder)


def make(tree: Path) -> Path:
    """Make every package in a tree."""
    date = {"SOURCE_DATE_EPOCH": "1700000000", "PYTHONPATH": str(tree / "src")}
    run(sys.executable, str(tree / "packaging/pages.py"), str(tree / "share"), **date)
    run("sh", "-c", 'cd "$0" && "$1" -m hatchling build', str(tree), sys.executable, **date)
    run(str(tree / "packaging/deb"), str(tree), str(tree / "dist/dockerproxy.deb"), **date)
    return tree


def test_the_wheel_installs_the_command_its_page_and_its_completions(tree: Path, tmp_path: Path) -> None:
    (wheel,) = (tree / "dist").glob("*.whl")
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--ignore-installed",
        f"--prefix={tmp_path}",
        str(wheel),
    )
    (modules,) = tmp_path.glob("lib/python3*/site-packages")
    assert run(str(tmp_path / "bin/dockerproxy"), "--version", PYTHONPATH=str(modules)).startswith(SAID)
    brought = {
        path.relative_to(tmp_path / "share").as_posix() for path in (tmp_path / "share").rglob("*") if path.is_file()
    }
    made = {path.relative_to(tree / "share").as_posix() for path in (tree / "share").rglob("*") if path.is_file()}
    assert brought == made
    assert len(made) == 4


def test_the_debian_package_installs_runs_and_leaves_nothing(tree: Path, tmp_path: Path) -> None:
    root, package = tmp_path / "root", tree / "dist/dockerproxy.deb"
    run("mmdebstrap", "--quiet", "--variant=extract", f"--include={SYSTEM}", "trixie", str(root))
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\ndocker:x:106:\n")
    before = {path for path in root.rglob("*") if "var/lib/dpkg" not in str(path)}
    needed = run("dpkg-deb", "--field", str(package), "Depends")
    assert {each.split()[0] for each in needed.split(", ")} <= set(SYSTEM.split(","))
    # What is unpacked only is not there for dpkg.
    run("dpkg", f"--root={root}", "--force-depends", "--install", str(package))
    assert run("chroot", str(root), "dockerproxy", "--version").startswith(SAID)
    assert "ContainerList" in run(
        "chroot", str(root), "/usr/bin/env", "CONTAINERS=1", "dockerproxy", "explain", "GET", "/containers/json"
    )
    assert "dockerproxy:" in (root / "etc/passwd").read_text()
    run("systemd-tmpfiles", f"--root={root}", "--create", "dockerproxy.conf")
    assert (root / "run/dockerproxy").stat().st_mode & 0o7777 == 0o755
    assert list(root.glob("usr/lib/python3/dist-packages/dockerproxy/__pycache__/*.pyc"))
    run("dpkg", f"--root={root}", "--purge", "dockerproxy")
    after = {path for path in root.rglob("*") if "var/lib/dpkg" not in str(path)}
    left = {path.relative_to(root).as_posix() for path in after - before}
    assert {name for name in left if "dockerproxy" in name} <= {"run/dockerproxy"}


def test_the_debian_package_touches_no_mode_and_owner_of_the_system(tree: Path) -> None:
    packed = subprocess.run(
        ["dpkg-deb", "--fsys-tarfile", tree / "dist/dockerproxy.deb"], check=True, capture_output=True
    )
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        for member in archive:
            assert (member.uid, member.gid) == (0, 0)
            assert member.mode in ({0o755} if member.isdir() else {0o644, 0o755})


def test_its_units_are_the_examples_with_its_own_command_and_neither_is_enabled(tree: Path, tmp_path: Path) -> None:
    run("dpkg-deb", "--extract", str(tree / "dist/dockerproxy.deb"), str(tmp_path))
    unit = (tmp_path / "usr/lib/systemd/system/dockerproxy.service").read_text().splitlines()
    example = (ROOT / "examples/systemd/dockerproxy.service").read_text().splitlines()
    own = {"Documentation=man:dockerproxy(1)", "ExecStart=/usr/bin/dockerproxy serve"}
    assert set(unit) - set(example) == own
    socket = (tmp_path / "usr/lib/systemd/system/dockerproxy.socket").read_text()
    assert socket.startswith("[Unit]\n")
    assert (ROOT / "examples/systemd/dockerproxy.socket").read_text().endswith(socket)
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink() or path.suffix == ".preset"]


def test_the_same_tree_and_date_make_the_same_packages(tree: Path, tmp_path: Path) -> None:
    again = make(Path(shutil.copytree(tree, tmp_path / "again", ignore=shutil.ignore_patterns("dist", "share"))))
    for first in (tree / "dist").iterdir():
        assert first.read_bytes() == (again / "dist" / first.name).read_bytes(), first.name


def test_the_man_page_has_every_verb_and_no_mistake(tree: Path) -> None:
    page = run(
        "man", "--warnings", "--local-file", str(tree / "share/man/man1/dockerproxy.1"), MANWIDTH="80", LC_ALL="C.UTF-8"
    )
    assert "warning" not in page
    for verb in VERBS:
        assert f"dockerproxy {verb}" in page


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        (("bash", "--norc", "-c", BASH, "bash"), "bash-completion/completions/dockerproxy"),
        (("fish", "--no-config", "--command", FISH), "fish/vendor_completions.d/dockerproxy.fish"),
        (("zsh", "--no-rcs", "-c", ZSH, "zsh"), "zsh/site-functions/_dockerproxy"),
    ],
    ids=["bash", "fish", "zsh"],
)
def test_a_shell_completes_verbs_and_options(tree: Path, shell: tuple[str, ...], file: str) -> None:
    script = str(tree / "share" / file)
    assert "healthcheck" in run(*shell, script, "heal", TERM="dumb")
    assert "--policy" in run(*shell, script, "check", "--pol", TERM="dumb")
