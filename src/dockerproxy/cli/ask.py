"""Answer requests that the policy does not allow, on sockets in mode ask.

  dockerproxy ask --control /run/operator/control.sock
  dockerproxy ask --control /run/operator/control.sock --exec ./approve

Each question shows the client, the request, and what the grant would expose. You allow the request once, or deny it.
If only an unrestricted grant would allow it, type "unrestricted" in full.
"always" prints the line for the policy file; the request still waits. After ASK_TIMEOUT seconds, a request is denied.

With --exec, a program answers. It reads the question as JSON from standard input and prints what "allows" there says,
or deny. Any other output or a timeout denies the request.

exit status: 0 you stopped it, 1 the proxy ended, 2 usage or configuration error

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
from dockerproxy.policy.asking import ONCE
from dockerproxy.policy.values import write_grant
from dockerproxy.policy.vocabulary import UNRESTRICTED

_ALLOWS: Final = {ONCE: ("o", "[o]nce"), UNRESTRICTED.word: (UNRESTRICTED.word, f'type "{UNRESTRICTED.word}"')}
"""By the answer that allows a request, how it is typed and offered."""

_SHOWS: Final = {"v": view, "a": write_line}

_PROGRAMS: Final = 16
"""Programs of --exec that run at the same time: as many as a socket's requests may wait."""

_INPUT: Final = 1 << 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the control socket and the program that answers."""
    parser.add_argument("--control", metavar="PATH", help="the control socket (default: CONTROL_SOCKET)")
    parser.add_argument("--exec", metavar="PROGRAM", dest="program", help="a program that answers instead of you")


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Answer questions until interrupted."""
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
    """Start the program for each question, several at the same time."""
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
    """One run of the program, for one question."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False
        self._lock = threading.Lock()

    def ask(self, program: str, question: bytes, patience: float) -> bytes:
        """Return the program's answer; empty if the question is over or the program fails.

        Raises `OSError` if the program cannot be run, `subprocess.TimeoutExpired` if it does not answer in time.
        """
        with self._lock:
            if self._is_over:
                return b""
            self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 (the operator names it)
        with self._process as process:
            try:
                answer, _ = process.communicate(question, timeout=max(patience, 0))
            finally:
                process.kill()
        return answer if process.returncode == 0 else b""

    def end(self) -> None:
        """Kill the program, because its answer is no longer needed."""
        with self._lock:
            self._is_over = True
            if self._process is not None:
                self._process.kill()


def _tell(line: str) -> None:
    """Print a line and flush it, because standard output may be a pipe."""
    say(line)
    sys.stdout.flush()


def _answer(control: Control, running: _Run, program: str, asked: Asked) -> None:
    """Forward the program's answer; deny if there is none in time."""
    question = _write_question(control, asked)
    expires = asked.told.get("expires")
    patience = float(expires) - time.time() if isinstance(expires, int | float) else 0
    try:
        answer = running.ask(program, question.encode() + b"\n", patience)
    except (OSError, subprocess.TimeoutExpired) as error:
        say(f"{asked.id}  {error}", stream=sys.stderr)
        answer = b""
    control.answer(asked.id, asked.allows if answer.strip() == asked.allows.encode() else "deny")


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
    """A person at a terminal, who answers one question at a time."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._waiting: dict[str, Asked] = {}
        self._shown: Asked | None = None
        self._typed = b""
        self._is_startled = False

    def run(self) -> int:
        """Ask until the input ends."""
        say("waiting for requests that the policy does not allow; Ctrl-C stops")
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
        """Say that the question is over, so that typed text does not answer the next one."""
        self._shown, self._is_startled = None, True
        self._drop_typed()
        say("", f"  {event.id} is over: {event.answer}; Enter for the next")

    def _read(self) -> bool:
        """Read typed lines, which answer the question above them; return False at the end of the input."""
        piece = os.read(sys.stdin.fileno(), _INPUT)
        *lines, self._typed = (self._typed + piece).split(b"\n")
        for line in lines[:1]:
            self._take(line.decode(errors="replace").strip())
        return bool(piece)

    def _take(self, answer: str) -> None:
        asked, self._is_startled = self._shown, False
        if asked is None:
            return
        typed, _ = _ALLOWS[asked.allows]
        if answer in {typed, "d"}:
            self._waiting.pop(asked.id, None)
            self._control.answer(asked.id, asked.allows if answer == typed else "deny")
            self._shown = None
            return
        shows = _SHOWS.get(answer)
        say(*(shows(asked, find_width()) if shows is not None else [f"  answer with {typed}, d, v or a"]))
        _prompt(asked)

    def _drop_typed(self) -> None:
        self._typed = b""
        if sys.stdin.isatty():
            termios.tcflush(sys.stdin, termios.TCIFLUSH)

    def _show(self, asked: Asked) -> None:
        """Show a question. Text that was typed before it does not answer it."""
        self._shown = asked
        self._drop_typed()
        say("", *describe(asked, self._control, find_width()))
        _prompt(asked)


def _prompt(asked: Asked) -> None:
    print(paint(f"{_ALLOWS[asked.allows][1]}, [d]eny, [v]iew, [a]lways?", Style.STRONG), end=" ", flush=True)
