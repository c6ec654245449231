"""Answer requests that no rule allows, of sockets in mode ask.

  dockerproxy ask --control /run/operator/control.sock                     # a person answers, in a terminal
  dockerproxy ask --control /run/operator/control.sock --exec ./approve    # a program answers

A request waits for ASK_TIMEOUT seconds, and is denied then. You see who asks, for what, and what that exposes. You
allow the request once, or deny it. "always" prints the line for the policy file, and the request still waits. The
program of --exec gets the question as JSON on standard input, and prints once or deny. Any other output denies the
request, and so does a program that takes too long.

exit status: 0 ended by you, 1 the proxy has gone, 2 something to mend

Attacks: docs/attacks.md, cli/ask.
"""

import argparse
import json
import os
import select
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from dockerproxy.cli.peers import UNKNOWN, find_program
from dockerproxy.cli.questions import Asked, Control, Over, describe, find_control, list_exposures, view, write_line
from dockerproxy.cli.terminal import Style, find_width, paint, say
from dockerproxy.policy.values import write_grant

_ANSWERS: Final = {"o": "once", "d": "deny"}
_PROMPT: Final = "[o]nce, [d]eny, [v]iew, [a]lways?"
_SHOWS: Final = {"v": view, "a": write_line}

_PROGRAMS: Final = 16
"""Of --exec that run at one time: as many as requests of a socket wait."""

_LONGEST: Final = 64
"""Bytes of an answer of a program that are read."""

_INPUT: Final = 1 << 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the control socket, and who answers."""
    parser.add_argument("--control", metavar="PATH", help="the control socket; without it CONTROL_SOCKET")
    parser.add_argument("--exec", metavar="PROGRAM", dest="program", help="a program that answers in your place")


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Answer until told to stop."""
    control = Control(find_control(options.control, environment))
    try:
        return _run_program(control, options.program) if options.program else _Desk(control).run()
    except KeyboardInterrupt:
        say("")
        return 0
    finally:
        control.close()


# A program


def _run_program(control: Control, program: str) -> int:
    """Have a program answer each question, several at one time."""
    _tell(f"{program} answers")
    runs: dict[str, _Run] = {}
    with ThreadPoolExecutor(_PROGRAMS) as pool:
        while True:
            select.select([control], [], [])
            events = control.read()
            if events is None:
                _tell("the proxy has gone")
                for running in runs.values():
                    running.end()
                return 1
            for event in events:
                if isinstance(event, Asked):
                    running = runs[event.id] = _Run()
                    pool.submit(_answer, control, running, program, event)
                else:
                    _tell(f"{event.id}  {event.answer}")
                    runs.pop(event.id, _Run()).end()


class _Run:
    """A run of the program for one question."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False
        self._lock = threading.Lock()

    def ask(self, program: str, question: bytes, patience: float) -> bytes:
        """Return what the program answers; nothing if the question is over, or it fails.

        An `OSError` says that it cannot be run, a `subprocess.TimeoutExpired` that it answers nothing in time.
        """
        with self._lock:
            if self._is_over:
                return b""
            self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 (whoever calls us names it)
        with self._process as process:
            try:
                answer, _ = process.communicate(question, timeout=max(patience, 0))
            finally:
                process.kill()
        return answer if process.returncode == 0 else b""

    def end(self) -> None:
        """End it: nobody waits for the answer any more."""
        with self._lock:
            self._is_over = True
            if self._process is not None:
                self._process.kill()


def _tell(line: str) -> None:
    """Say something at once, also to a pipe."""
    say(line)
    sys.stdout.flush()


def _answer(control: Control, running: _Run, program: str, asked: Asked) -> None:
    """Answer as a program does; deny if it answers nothing in time."""
    question = _write_question(control, asked)
    expires = asked.told.get("expires")
    patience = float(expires) - time.time() if isinstance(expires, int | float) else 0
    try:
        answer = running.ask(program, question.encode() + b"\n", patience)
    except (OSError, subprocess.TimeoutExpired) as error:
        say(f"{asked.id}  {error}", stream=sys.stderr)
        answer = b""
    word = answer[:_LONGEST].strip().decode(errors="replace")
    control.answer(asked.id, word if word in _ANSWERS.values() else "deny")


def _write_question(control: Control, asked: Asked) -> str:
    pid = control.find_process(asked)
    more = {
        "program": find_program(pid) if pid else UNKNOWN,
        "allow": write_grant(asked.operation, asked.conditions) if asked.is_bounded else "",
        "exposes": list_exposures(asked, control.path),
    }
    return json.dumps({**asked.told, **more})


# A person


class _Desk:
    """A person in a terminal, asked one question after the other."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._waiting: dict[str, Asked] = {}
        self._shown: Asked | None = None
        self._typed = b""
        self._is_startled = False

    def run(self) -> int:
        """Answer until the input ends."""
        say("waiting for requests that no rule allows; Ctrl-C ends")
        while True:
            ready, _, _ = select.select([self._control, sys.stdin], [], [])
            if self._control in ready:
                events = self._control.read()
                if events is None:
                    say("", "the proxy has gone")
                    return 1
                for event in events:
                    self._note(event)
            if sys.stdin in ready and not self._read():
                say("")
                return 0
            if self._shown is None and self._waiting and not self._is_startled:
                self._show(next(iter(self._waiting.values())))

    def _note(self, event: Asked | Over) -> None:
        if isinstance(event, Asked):
            self._waiting[event.id] = event
        elif self._waiting.pop(event.id, None) is self._shown is not None:
            self._startle(event)

    def _startle(self, event: Over) -> None:
        """Have the person see that the question is over, before what is typed counts for another one."""
        self._shown, self._is_startled, self._typed = None, True, b""
        if sys.stdin.isatty():
            termios.tcflush(sys.stdin, termios.TCIFLUSH)
        say("", f"  {event.id} is over: {event.answer}; Enter for the next")

    def _read(self) -> bool:
        """Read what was typed; return False at its end. A line counts for the question that it was typed below."""
        piece = os.read(sys.stdin.fileno(), _INPUT)
        *lines, self._typed = (self._typed + piece).split(b"\n")
        for line in lines[:1]:
            self._take(line.decode(errors="replace").strip())
        return bool(piece)

    def _take(self, answer: str) -> None:
        asked, self._is_startled = self._shown, False
        if asked is None:
            return
        if answer in _ANSWERS:
            self._waiting.pop(asked.id, None)
            self._control.answer(asked.id, _ANSWERS[answer])
            self._shown = None
            return
        shows = _SHOWS.get(answer)
        say(*(shows(asked, find_width()) if shows is not None else ["  answer with o, d, v or a"]))
        _prompt()

    def _show(self, asked: Asked) -> None:
        self._shown = asked
        say("", *describe(asked, self._control, find_width()))
        _prompt()


def _prompt() -> None:
    print(paint(_PROMPT, Style.STRONG), end=" ", flush=True)
