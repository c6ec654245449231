"""The command line: it can be learned from, and says every mistake at once."""

import os
import re
import subprocess
import sys

import pytest
from cli.programs import CODE, environment_of, run
from rows import for_each

import dockerproxy
from dockerproxy.cli.main import VERBS


def test_a_program_that_a_test_starts_runs_the_code_that_is_tested() -> None:
    words = [sys.executable, "-c", "import dockerproxy; print(dockerproxy.__file__)"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment_of({}), cwd="/", check=True)
    assert done.stdout.rstrip("\n") == dockerproxy.__file__


def test_help_names_every_verb_and_shows_what_to_type() -> None:
    done = run("--help")
    assert (done.status, done.err) == (0, "")
    assert [verb for verb in VERBS if not re.search(rf"^    {verb}\b", done.out, re.MULTILINE)] == []
    assert "dockerproxy check --policy policy.yaml" in done.out
    assert "exit status: 0 success" in done.out


@for_each("verb", VERBS)
def test_every_verb_has_help_of_its_own(verb: str) -> None:
    done = run(verb, "--help")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"usage: dockerproxy {verb} ")
    told = " ".join(done.out.split()).casefold()
    assert VERBS[verb].casefold() in told


def test_the_version_is_said() -> None:
    said = r"dockerproxy \d+\.\d+\.\d+( \(commit [0-9a-f]{12}\))?\nDocker API up to [\d.]+, Podman API up to [\d.]+\n"
    assert re.fullmatch(said, run("--version").out)


@pytest.mark.parametrize("words", [("presets", "show"), ("--loud",), ("-V",)])
def test_what_is_no_command_is_something_to_mend(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("usage: dockerproxy")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fly",), "'fly': unknown verb\n    `dockerproxy --help` lists them\n"),
        (("chekc",), "'chekc': unknown verb\n    did you mean check?\n"),
        (("--policy", "p.yaml"), "--policy: missing verb before it\n    write `dockerproxy serve --policy p.yaml`\n"),
        (("check", "p.yaml"), "p.yaml: unknown argument\n    write --policy p.yaml\n"),
        (("check", "more"), "more: unknown argument\n    `dockerproxy check --help` lists the arguments\n"),
        (("presets", "--p.yml"), "--p.yml: unknown argument\n    `dockerproxy presets --help` lists the arguments\n"),
    ],
)
def test_a_word_that_no_verb_takes_is_told_what_was_meant(words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert (done.status, done.out, done.err) == (2, "", said)


def test_a_command_of_another_proxy_is_told_what_to_write_for_each_option() -> None:
    done = run("-loglevel=info", "-allowGET=/v1/info", "-allowfrom=web", "-stoponwatchdog", "--frontend-tls-cert", "/c")
    assert (done.status, done.out) == (2, "")
    told = [line.partition(":")[0] for line in done.err.splitlines() if not line.startswith(" ")]
    options = ["'-loglevel=info'", "'-allowGET=/v1/info'", "'-allowfrom=web'", "'-stoponwatchdog'"]
    assert told == [*options, "'--frontend-tls-cert'", "command"]
    assert "an option of another proxy\n    write LOG_LEVEL\n" in done.err
    assert done.err.endswith("has options of another proxy\n    remove `command:`\n")


@pytest.mark.parametrize("words", [(), ("serve",), ("check",)])
def test_outside_a_container_the_first_message_says_how_to_begin(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.status == 2
    assert done.err.startswith('/proxied/docker.sock: directory "/proxied" does not exist\n')
    assert "set PROXIED_SOCKET_PATH to a path that your user can write to\n" in done.err
    for step in ("dockerproxy demo ", "dockerproxy serve --policy policy.yaml ", "dockerproxy --help "):
        assert f"\n      {step}" in done.err
    assert done.out == "" or words == ("check",)


def test_who_has_chosen_a_path_is_told_only_what_is_wrong_with_it() -> None:
    done = run(PROXIED_SOCKET_PATH="/nonexistent/docker.sock")
    assert done.err == (
        '/nonexistent/docker.sock: directory "/nonexistent" does not exist\n    create it, or mount a volume there\n'
    )


@pytest.mark.parametrize(
    "words", [(), ("serve",), ("check",), ("explain", "GET", "/_ping"), ("healthcheck",), ("demo",)]
)
def test_every_mistake_in_the_environment_is_listed_at_once(words: tuple[str, ...]) -> None:
    done = run(*words, CONTAINERS="yess", CONTAINER="1", PROXIED_SOCKET_MODE="rw", ALLOW="ContainerLists")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "environment variable CONTAINERS: invalid value 'yess'\n    use 0 or 1\n"
        "environment variable ALLOW: unknown operation 'ContainerLists'\n    did you mean ContainerList?\n"
        "environment variable PROXIED_SOCKET_MODE: 'rw' is not a file mode\n"
        '    write it in octal and in quotes, like "0660"\n'
        "environment variable CONTAINER: unknown setting\n    did you mean CONTAINERS?\n"
    )


def test_a_program_that_reads_no_further_is_no_error() -> None:
    words = f"{sys.executable} -m dockerproxy schema | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_output_that_cannot_be_written_is_no_bug() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dockerproxy", "schema"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (2, b"the output cannot be written: no space left\n")


def test_nothing_that_strangers_wrote_reaches_the_terminal_as_it_is() -> None:
    hostile = "/x\x1b]0;owned\x07\u2028\u202e"
    done = run("check", DOCKER_SOCKET_PATH=hostile, PROXIED_SOCKET_PATH="/nonexistent/docker.sock")
    assert (done.out + done.err).replace("\n", "").isprintable()
    assert "/x\\x1b]0;owned\\x07\\u2028\\u202e" in done.out


def test_bytes_that_are_no_text_are_shown_and_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dockerproxy", "check"],
        capture_output=True,
        env={
            **{os.fsencode(name): os.fsencode(path) for name, path in CODE.items()},
            b"DOCKER_SOCKET_PATH": b"/\xff",
            b"PATH": b"/usr/bin",
            b"LC_ALL": b"C.UTF-8",
            b"PYTHONUTF8": b"0",
        },
        check=False,
    )
    assert b"Traceback" not in done.stderr
    assert b"/\\udcff" in done.stdout
