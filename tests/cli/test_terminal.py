"""A person sees colours; a program sees none."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping

import pytest
from cli.files import policy_in
from cli.programs import environment_of, run
from cli.test_suggest import SEEN, write_log
from folders import short_folder
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each
from waiting import PATIENCE

from dockerproxy.cli.terminal import Style, VisibleOutput, paint, show_all, visible
from dockerproxy.config.policy_file import read_policy

COLOUR = re.compile(r"\x1b\[[0-9]+m")
HOSTILE = "/x\x1b[32mallowed\x1a\u202e"


def in_terminal(*words: str, columns: int = 120, variables: Mapping[str, str] | None = None) -> str:
    """Return what a verb shows on a terminal."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = environment_of({"TERM": "xterm", **(variables or {})})
    program = [sys.executable, "-m", "dockerproxy", *words]
    with subprocess.Popen(program, stdin=its, stdout=its, stderr=its, env=environment) as running:
        os.close(its)
        shown = b""
        while piece := read(ours):
            shown += piece
        running.wait(PATIENCE)
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # As Linux says that nobody has the other end any more.
        return b""


@for_each(
    ("variables", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"CLICOLOR": "0"}, False),
        ({"CLICOLOR": "1"}, True),
        ({"CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, True),
    ],
)
def test_a_terminal_has_colours_unless_the_custom_says_no(variables: dict[str, str], coloured: bool) -> None:  # noqa: FBT001
    shown = in_terminal("explain", "GET", "/_ping", variables=variables)
    assert (COLOUR.search(shown) is not None) is coloured
    assert COLOUR.sub("", shown) == run("explain", "GET", "/_ping").out


@pytest.mark.parametrize(
    ("variables", "coloured"), [({}, False), ({"FORCE_COLOR": "0"}, False), ({"FORCE_COLOR": "1"}, True)]
)
def test_what_is_piped_has_no_colours_unless_they_are_forced(variables: dict[str, str], coloured: bool) -> None:  # noqa: FBT001
    assert (COLOUR.search(run("explain", "GET", "/_ping", **variables).out) is not None) is coloured


def test_only_we_can_colour() -> None:
    shown = in_terminal(
        "check", variables={"DOCKER_SOCKET_PATH": HOSTILE, "PROXIED_SOCKET_PATH": "/nonexistent/d.sock"}
    )
    assert "/x\\x1b[32mallowed\\x1a\\u202e" in shown
    assert COLOUR.sub("", shown).replace("\n", "").isprintable()
    with io.BytesIO() as written:
        stream = show_all(io.TextIOWrapper(written, encoding="utf-8"))
        assert isinstance(stream, VisibleOutput)
        stream.write(f"\x1b[31m\x1a0123456789abcdef32m{'x'}")
        stream.flush()
        assert written.getvalue() == rb"\x1b[31m\x1a0123456789abcdef32mx"
        stream.detach()


def test_what_is_no_terminal_of_ours_is_not_painted() -> None:
    assert paint("x", Style.BAD, io.StringIO()) == "x"
    assert show_all(None) is None


@pytest.mark.parametrize("columns", [50, 80, 120])
@pytest.mark.parametrize("words", [("--help",), ("presets", "--help")])
def test_help_fits_the_terminal(words: tuple[str, ...], columns: int) -> None:
    shown = in_terminal(*words, columns=columns)
    long = [line for line in shown.splitlines() if len(line) > columns]
    assert [line for line in long if not line.lstrip().startswith(("dockerproxy ", "docker ", "CONTAINERS=1 "))] == []
    assert any(len(line) > columns // 2 for line in shown.splitlines())


def test_a_policy_is_one_on_a_terminal_as_well() -> None:
    with short_folder() as folder:
        shown = in_terminal("suggest", write_log(folder / "proxy.log", *SEEN), columns=45, variables={"NO_COLOR": "1"})
    assert [socket.name for socket in read_policy(shown, "x.yaml").sockets] == ["backup", "traefik"]


def test_a_mistake_is_shown_like_everything_else() -> None:
    with policy_in("sockets: {}\n") as folder:
        shown = in_terminal("check", "--policy", f"{folder}/policy.yaml", columns=50)
    assert shown.startswith(f"\x1b[31m{folder}/policy.yaml")


@given(st.text(st.characters(exclude_categories=())))
def test_what_a_stranger_wrote_is_seen_and_obeyed_by_no_terminal(text: str) -> None:
    shown = visible(text)
    assert shown.replace("\n", "").isprintable()
    assert shown.count("\n") == text.count("\n")
    assert shown.encode().decode() == shown


def test_letters_of_any_script_are_shown_as_they_are() -> None:
    assert visible("ä 日本\n\x1b[0m\u202e\u2028\ud800") == "ä 日本\n\\x1b[0m\\u202e\\u2028\\ud800"
