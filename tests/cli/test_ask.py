"""A person in a terminal, or a program, answers what a client may do; the proxy, its engine and the client are real."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.programs import Running, engine_at, environment_of, run, run_here
from cli.test_terminal import read
from folders import short_folder
from waiting import PATIENCE, wait_asleep

from dockerproxy.proxy.control import MOST_HELD

POLICY = """\
# Ours.
sockets:
  agent:
    path: {folder}/docker.sock
    mode: ask
    deny: [SwarmLeave]
    allow:
      - ping:read   # every client
    # the end
"""
LIST = b"GET /containers/json HTTP/1.1\r\nHost: d\r\n\r\n"
PRUNE = b"POST /libpod/pods/prune HTTP/1.1\r\nHost: d\r\n\r\n"
PULL = b"GET /images/json HTTP/1.1\r\nHost: d\r\n\r\n"


@dataclass
class Place:
    """A proxy that asks."""

    folder: Path
    control: str
    proxy: Running

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(f"{self.folder}/docker.sock")
        return client

    def send(self, sent: bytes) -> socket.socket:
        client = self.connect()
        client.sendall(sent)
        return client


@contextmanager
def asking(**variables: str) -> Iterator[Place]:
    with short_folder() as folder, short_folder() as apart, engine_at(folder / "engine.sock"):
        (folder / "policy.yaml").write_text(POLICY.format(folder=folder))
        places = {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock", "CONTROL_SOCKET": f"{apart}/c.sock", **variables}
        with Running("serve", "--policy", f"{folder}/policy.yaml", **places) as proxy:
            proxy.wait_for("listening on")
            yield Place(folder, f"{apart}/c.sock", proxy)


class Person:
    """Somebody in a terminal of 80 columns."""

    def __init__(self, place: Place, *words: str) -> None:
        self.terminal, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        command = [sys.executable, "-m", "dockerproxy", "ask", "--control", place.control, *words]
        self.process = subprocess.Popen(
            command,
            stdin=its,
            stdout=its,
            stderr=its,
            env={**environment_of({}), "TERM": "xterm"},
            start_new_session=True,
        )
        os.close(its)
        self.text = ""

    def wait_for(self, text: str) -> str:
        """Return what was shown up to a text, without colours."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.text:
            ready, _, _ = select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"waited in vain for {text!r}:\n{self.text}"
            piece = read(self.terminal)
            assert piece, f"ended without {text!r}:\n{self.text}"
            self.text += re.sub(r"\x1b\[[0-9]*m", "", piece.decode().replace("\r\n", "\n"))
        before, _, self.text = self.text.partition(text)
        return before

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


@contextmanager
def person(place: Place, *words: str) -> Iterator[Person]:
    made = Person(place, *words)
    try:
        made.wait_for("waiting for requests")
        yield made
    finally:
        made.close()


def status(client: socket.socket) -> int:
    with client:
        return int(client.recv(1 << 16)[9:12])


def test_a_person_is_shown_who_asks_for_what_and_answers() -> None:
    with asking() as place, person(place) as somebody:
        client = place.send(LIST)
        shown = somebody.wait_for("[a]lways? ")
        assert "ContainerList on socket agent" in shown
        assert f"{os.path.realpath(sys.executable)} of " in " ".join(shown.split())
        assert f"pid {os.getpid()}" in " ".join(shown.split())
        assert "request  GET /containers/json" in shown
        assert all(len(line) <= 80 for line in shown.split("\n"))
        somebody.type("x\n")
        somebody.wait_for("answer with o, d, v or a")
        somebody.wait_for("[a]lways? ")
        somebody.type("a\n")
        somebody.wait_for('  add this to "allow" of socket agent, and reload the proxy:\n  allow    - ContainerList\n')
        somebody.wait_for("[a]lways? ")
        somebody.type("o\n")
        assert status(client) == 200
        client = place.send(LIST)
        somebody.wait_for("[a]lways? ")
        somebody.type("d\n")
        assert status(client) == 403
        wait_asleep(somebody.process.pid)
        somebody.process.send_signal(signal.SIGINT)
        assert somebody.process.wait(PATIENCE) == 0


def test_a_person_sees_what_a_variable_has_run_and_the_log_does_not() -> None:
    variable = "X=rm -rf /srv \x1b[2K\u202e"
    body = {"Image": "busybox", "Cmd": ["sh", "-c", "$X"], "Env": [variable], "HostConfig": {"NetworkMode": "none"}}
    auth = {"username": "mallory", "password": "hunter22", "serveraddress": "registry.example"}
    fields = (
        "POST /v1.45/containers/create?name=x&Env=SECRET%3Dhunter33 HTTP/1.1",
        "Host: d",
        "Content-Type: application/json",
        f"X-Registry-Auth: {urlsafe_b64encode(json.dumps(auth).encode()).decode()}",
        f"Content-Length: {len(json.dumps(body))}",
    )
    with asking() as place, person(place) as somebody:
        client = place.send("\r\n".join((*fields, "", json.dumps(body))).encode())
        shown = somebody.wait_for("[a]lways? ")
        somebody.type("v\n")
        for whole in (shown, somebody.wait_for("[a]lways? ")):
            together = re.sub(r"\n(  > | {11})", "", whole)
            assert r'X=rm -rf /srv \u001b[2K\u202e"' in together
            assert '"$X"' in together
            assert "hunter33" in together
            assert '"username": "mallory", "password": "... (8 characters)", "serveraddress": "registry.' in together
            assert "hunter22" not in together
        somebody.type("d\n")
        assert status(client) == 403
        place.proxy.wait_for("name=x&Env=...")
        assert not {"rm -rf", "hunter", "mallory"} & set(re.findall("rm -rf|hunter|mallory", place.proxy.printed))


def test_what_is_typed_for_one_question_never_answers_another() -> None:
    with asking() as place, person(place) as somebody:
        client = place.send(LIST)
        somebody.wait_for("[a]lways? ")
        somebody.type("o")
        somebody.wait_for("o")
        other = place.send(PULL)
        client.close()
        somebody.wait_for("is over: withdrawn; Enter for the next")
        somebody.type("\n")
        shown = somebody.wait_for("[a]lways? ")
        assert "ImageList" in shown
        somebody.type("d\n")
        assert status(other) == 403


def test_what_is_typed_ahead_answers_no_question_that_was_not_shown() -> None:
    with asking() as place, person(place) as somebody, socket.socket(socket.AF_UNIX) as reader:
        reader.connect(place.control)
        client = place.send(LIST)
        somebody.wait_for("[a]lways? ")
        other = place.send(PULL)
        with reader.makefile("rb") as told:
            next(line for line in told if line.startswith(b'{"kind":"asked"') and b"ImageList" in line)
        somebody.type("d\no\n")
        assert status(client) == 403
        assert "ImageList" in somebody.wait_for("[a]lways? ")
        somebody.type("d\n")
        assert status(other) == 403


def test_of_two_people_the_first_answers_an_unrestricted_grant_in_full() -> None:
    with asking() as place, person(place) as one, person(place) as two:
        client = place.send(PRUNE)
        shown = [each.wait_for(", [v]iew") for each in (one, two)]
        assert all(re.search(r'beware +the proxy judges(.|\n)*type "unrestricted", \[d]eny', each) for each in shown)
        for typed in ("o", "u", "once"):
            two.type(f"{typed}\n")
            two.wait_for("answer with unrestricted, d, v or a")
        two.type("unrestricted\n")
        one.wait_for("is over: unrestricted")
        assert status(client) == 200


def test_a_person_who_stops_the_program_is_not_waited_for() -> None:
    with asking(ASK_TIMEOUT="0.5") as place, person(place) as somebody:
        client = place.send(LIST)
        somebody.wait_for("[a]lways? ")
        somebody.process.send_signal(signal.SIGSTOP)
        assert status(client) == 403


PROGRAM = """\
#!{python}
import json, sys, time
asked = json.load(sys.stdin)
print(asked["operation"], asked["allow"], asked["pid"] > 0, bool(asked["program"]), file=sys.stderr, flush=True)
exec(open({act!r}).read())
"""
ACTS = {
    "print('once')": 200,
    "print('deny')": 403,
    "print('yes')": 403,
    "print('once'); print('deny')": 403,
    "print('once', ' ' * 64, 'deny')": 403,
    "print('once'); sys.exit(1)": 403,
    "print('always')": 403,
    "time.sleep(60)": 403,  # It never answers: the question ends before.
}


def test_a_program_answers_with_a_word_and_anything_else_denies() -> None:
    with asking(ASK_TIMEOUT="6") as place:
        program, act = place.folder / "approve", place.folder / "act"
        program.write_text(PROGRAM.format(python=sys.executable, act=str(act)))
        program.chmod(0o700)
        with Running("ask", "--control", place.control, "--exec", str(program)) as answering:
            answering.wait_for("answers")
            for text, expected in ACTS.items():
                act.write_text(text)
                assert status(place.send(LIST)) == expected, text
            answering.wait_for("ContainerList ContainerList True True")


def test_a_program_ends_with_its_question() -> None:
    with asking() as place:
        program, act = place.folder / "approve", place.folder / "act"
        program.write_text(PROGRAM.format(python=sys.executable, act=str(act)))
        program.chmod(0o700)
        act.write_text("print('asked', file=sys.stderr, flush=True); time.sleep(600)")  # Until it is ended.
        with Running("ask", "--control", place.control, "--exec", str(program)) as answering:
            answering.wait_for("answers")
            for _ in range(MOST_HELD):
                start = len(answering.printed)
                client = place.send(LIST)
                answering.wait_for_new("asked", start)
                client.close()
                answering.wait_for_new("withdrawn", start)
            act.write_text("print('once')")
            assert status(place.send(LIST)) == 200


def test_without_a_proxy_it_says_what_to_do() -> None:
    with short_folder() as folder:
        done = run("ask", "--control", f"{folder}/none.sock")
        assert done.status == 2
        assert "no proxy answers here" in done.err
    assert "CONTROL_SOCKET" in run("ask").err


def test_when_the_proxy_has_gone_it_ends() -> None:
    with asking() as place, person(place) as somebody:
        place.proxy.signal(signal.SIGTERM)
        place.proxy.wait_end()
        somebody.wait_for("the proxy has gone")
        assert somebody.process.wait(PATIENCE) == 1


def test_verbs_say_that_a_person_may_allow_more() -> None:
    with short_folder() as folder:
        path = folder / "policy.yaml"
        path.write_text(POLICY.format(folder=folder))
        assert "unless an operator allows it" in run_here("check", "--policy", str(path)).out
        explained = run_here("explain", "--policy", str(path), "GET", "/containers/json")
        assert "unless an operator allows it: the mode of this socket is ask" in explained.out
        denied = run_here("explain", "--policy", str(path), "POST", "/swarm/leave")
        assert "unless a person" not in denied.out
        enforcing = folder / "old.yaml"
        enforcing.write_text(path.read_text().replace("mode: ask", "mode: enforce"))
        compared = run_here("diff", "--at-most", str(enforcing), str(path))
        assert compared.status == 3
        assert "not proven  mode: it may allow more than before" in compared.out
