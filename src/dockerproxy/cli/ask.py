"""Answer requests that no rule allows, of sockets in mode ask.

  dockerproxy ask --control /run/operator/control.sock --policy policy.yaml    # a person answers, in a terminal
  dockerproxy ask --control /run/operator/control.sock --exec ./approve        # a program answers

A request waits for ASK_TIMEOUT seconds, and is denied then. You are shown who asks, for what, what that exposes, and
the line that would allow it. Answer once, for as long as the client stays connected, always, or deny. With always the
line is added to the policy file, and the proxy allows it until it reads that file again. The program of --exec gets the
question as JSON on standard input, and answers with one of these words on standard output: once, connection, always,
deny. Anything else denies, and so does a program that takes longer than the request waits.

exit status: 0 ended by you, 1 the proxy has gone, 2 something to mend
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

from dockerproxy.cli.arguments import find_policy_file
from dockerproxy.cli.dialogue import write_policy_file
from dockerproxy.cli.peers import UNKNOWN, find_program
from dockerproxy.cli.questions import WORDS, Asked, Control, Over, describe, find_control, list_exposures, view
from dockerproxy.cli.terminal import Style, find_width, paint, paint_change, say
from dockerproxy.config.document import read_file
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.model import Policy
from dockerproxy.policy.values import write_grant
from dockerproxy.problems import UserError
from dockerproxy.workbench.edits import add_items, write_patch

_CHOICES: Final = {"o": "once", "c": "connection", "a": "always", "d": "deny"}
_SAID: Final = {
    "o": "[o]nce",
    "c": "for this [c]onnection",
    "a": "[a]lways",
    "d": "[d]eny",
    "v": "[v]iew",
}
_NOTHING: Final = compile_policy(Policy(grants=(), denials=(), hint=lambda _: ""))

_PROGRAMS: Final = 16
"""Of --exec that run at one time: as many as requests of a socket wait."""

_LONGEST: Final = 64
"""Bytes of an answer of a program that are read."""

_INPUT: Final = 1 << 12

_WRITING: Final = threading.Lock()
"""Held by the one program whose answer is written to the policy file."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the control socket, and who answers."""
    parser.add_argument("--control", metavar="PATH", help="the control socket; without it CONTROL_SOCKET")
    parser.add_argument("--policy", metavar="FILE", help="the policy file, to which [a]lways adds a line")
    parser.add_argument("--exec", metavar="PROGRAM", dest="program", help="a program that answers in your place")


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Answer until told to stop."""
    policy = find_policy_file(options.policy, environment) or None
    if policy is not None:
        read_policy(read_file(policy), policy)
    control = Control(find_control(options.control, environment))
    try:
        return _run_program(control, options.program, policy) if options.program else _Desk(control, policy).run()
    except KeyboardInterrupt:
        say("")
        return 0
    finally:
        control.close()


def _add_always(path: str | None, asked: Asked) -> str:
    """Add the line that allows a request to the policy file; return why it cannot be, or nothing."""
    if path is None:
        return "name the policy file with --policy"
    try:
        text = read_file(path)
        after = add_items(text, asked.socket, "allow", [(asked.operation, asked.conditions)])
        if after is None:
            return "cannot be added to the file; write it by hand"
        read_policy(after, path)
        write_policy_file(path, text, after)
    except UserError as error:
        return str(error)
    say(*map(paint_change, write_patch(text, after, os.path.relpath(path))))
    return ""


# A program


def _run_program(control: Control, program: str, policy: str | None) -> int:
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
                    pool.submit(_answer_by_program, control, running, program, policy, event)
                else:
                    _tell(f"{event.id}  {event.answer}")
                    runs.pop(event.id, _Run()).end()


class _Run:
    """A run of the program for one question.

    Attack: ask and go away, again and again, so that programs run for nobody and others wait -> Defence: a program ends
    with its question (test: test_a_program_ends_with_its_question).
    """

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


def _answer_by_program(control: Control, running: _Run, program: str, policy: str | None, asked: Asked) -> None:
    word = _ask_program(running, program, asked, _write_question(control, asked))
    with _WRITING:
        objection = ""
        if word == "always":
            objection = _add_always(policy, asked) if asked.lasts else "it may be allowed only once"
    if objection:
        _tell(f"{asked.id}  always, but {objection}")
        word = "deny"
    control.answer(asked.id, word)


def _ask_program(running: _Run, program: str, asked: Asked, question: str) -> str:
    """Return the word that a program answers; a denial if it answers none in time."""
    expires = asked.told.get("expires")
    patience = float(expires) - time.time() if isinstance(expires, int | float) else 0
    try:
        answer = running.ask(program, question.encode() + b"\n", patience)
    except (OSError, subprocess.TimeoutExpired) as error:
        say(f"{asked.id}  {error}", stream=sys.stderr)
        return "deny"
    word = answer[:_LONGEST].strip().decode(errors="replace")
    return word if word in WORDS else "deny"


def _write_question(control: Control, asked: Asked) -> str:
    pid = control.find_process(asked)
    more = {
        "program": find_program(pid) if pid else UNKNOWN,
        "allow": write_grant(asked.operation, asked.conditions),
        "exposes": list_exposures(asked, _NOTHING, control.path),
    }
    return json.dumps({**asked.told, **more})


# A person


class _Desk:
    """A person in a terminal, asked one question after the other."""

    def __init__(self, control: Control, policy: str | None) -> None:
        self._control = control
        self._policy = policy
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
        """Have the person see that the question is over, before what is typed counts for another one.

        Attack: withdraw a question while somebody types the answer, and ask another one -> Defence: what was typed is
        dropped, and the next question is shown after Enter
        (test: test_what_is_typed_for_one_question_never_answers_another).
        """
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
        choices = self._list_choices(asked)
        if answer not in choices:
            say(f"  answer with {', '.join(choices)}")
        elif answer == "v":
            say(*view(asked, find_width()))
        elif answer == "a" and (objection := _add_always(self._policy, asked)):
            say(paint(f"  {objection}", Style.BAD))
        else:
            self._waiting.pop(asked.id, None)
            self._control.answer(asked.id, _CHOICES[answer])
            self._shown = None
            return
        self._prompt(asked)

    def _show(self, asked: Asked) -> None:
        self._shown = asked
        say("", *describe(asked, self._find_policy(asked.socket), self._control, find_width()))
        self._prompt(asked)

    def _prompt(self, asked: Asked) -> None:
        print(
            paint(f"{', '.join(_SAID[each] for each in self._list_choices(asked))}?", Style.STRONG), end=" ", flush=True
        )

    def _list_choices(self, asked: Asked) -> list[str]:
        left_out = set() if asked.lasts else {"c", "a"}
        left_out |= set() if self._policy else {"a"}
        return [choice for choice in _SAID if choice not in left_out]

    def _find_policy(self, name: str) -> CompiledPolicy:
        """Return what the socket allows by the file as it is now; nothing if that is unknown."""
        try:
            sockets = read_policy(read_file(self._policy), self._policy).sockets if self._policy else ()
        except UserError:
            sockets = ()
        return next((each.policy for each in sockets if each.name == name), _NOTHING)
