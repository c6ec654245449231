"""Ask a person about each missing grant, and write the answers to the policy file.

Attacks: docs/attacks.md, cli/dialogue.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from dockerproxy.advice.needs import list_items
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.cli.arguments import choose_socket
from dockerproxy.cli.terminal import Style, count, paint, paint_change, say
from dockerproxy.config.document import read_file
from dockerproxy.config.policy_file import read_policy
from dockerproxy.host.files import write_atomically
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.values import Value, write_value
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.edits import Item, add_items, write_patch
from dockerproxy.workbench.inclusion import find_doubts
from dockerproxy.workbench.learned import write_item
from dockerproxy.workbench.proposals import Proposal, find_new_exposures

_ALLOW: Final = "a"
_NARROW: Final = "n"
_DENY: Final = "d"
_SKIP: Final = "s"
_QUIT: Final = "q"
_CHOICES: Final = {_ALLOW: "[a]llow", _NARROW: "[n]arrow", _DENY: "[d]eny for good", _SKIP: "[s]kip", _QUIT: "[q]uit"}
_LISTS: Final = {_ALLOW: "allow", _DENY: "deny"}
_INDENT: Final = "      "


class Ended(Exception):  # noqa: N818 (not an error)
    """The input ended, or the person pressed Ctrl-C."""


def ask(question: str) -> str:
    """Ask a question; return the answer, stripped of spaces. Raises `Ended` if there is none."""
    try:
        print(paint(question, Style.STRONG), end=" ", flush=True)
        line = sys.stdin.buffer.readline()
    except KeyboardInterrupt:
        line = b""
    if not line:
        print()
        raise Ended
    return line.decode(errors="replace").strip()


class Edited(NamedTuple):
    """A policy file, its socket that lacks grants, and the bound of `--at-most`, None without one."""

    path: str
    text: str
    socket: SocketSettings
    most: SocketSettings | None = None


def decide(edited: Edited, proposals: Sequence[Proposal], examples: Mapping[str, str]) -> int:
    """Ask about each proposal, showing its example, and write confirmed changes; return the exit status.

    Raises `UserError` if the file already exceeds its bound, or cannot be written.
    """
    path, text = edited.path, edited.text
    exceeded = _find_excess(edited.most, edited.socket)
    if exceeded:
        hint = "compare both files with `dockerproxy diff --at-most`"
        raise UserError(Problem("--at-most", f"the policy may already allow more: {exceeded}", hint))
    try:
        after = _Session(edited).ask_all(proposals, examples)
        if after == text:
            say("", "nothing to write")
            return 0
        say("", *map(paint_change, write_patch(text, after, os.path.relpath(path))))
        is_meant = ask(f"write {path}? [y/N]") in {"y", "Y", "yes"}
    except (Ended, KeyboardInterrupt):
        is_meant = False
    if not is_meant:
        say("nothing was written")
        return 1
    write_policy_file(path, text, after)
    say(paint(f"written: {path}", Style.GOOD), "send SIGHUP to a running proxy to reload it")
    return 0


def _find_excess(most: SocketSettings | None, socket: SocketSettings) -> str:
    """Return why the proof fails that a socket stays within its bound; empty if it succeeds."""
    doubt = None if most is None else next(find_doubts(most, socket), None)
    return "" if doubt is None else f"{doubt.what}: {doubt.why}"


def write_policy_file(path: str, before: str, after: str) -> None:
    """Write a policy file. Raises `UserError` if it has changed since it was read, or cannot be written."""
    if read_file(path) != before:
        raise UserError(Problem(path, "the file changed meanwhile, so nothing was written", "start again"))
    try:
        write_atomically(os.path.realpath(path), after, keep=True)
    except OSError as error:
        hint = "edit a copy of the file, then replace it"
        raise UserError(Problem(path, f"cannot be written: {error.strerror or error}", hint)) from None


class _Session:
    """The text of a policy file during the dialogue."""

    def __init__(self, edited: Edited) -> None:
        self._path = edited.path
        self._name = edited.socket.name
        self._most = edited.most
        self._text = edited.text

    def ask_all(self, proposals: Sequence[Proposal], examples: Mapping[str, str]) -> str:
        """Ask about each proposal; return the changed text."""
        for number, proposal in enumerate(proposals, 1):
            name = proposal.grant.operation
            head = f"{number} of {len(proposals)}  {name}: {count(proposal.grant.count, 'request')}"
            say("", paint(head, Style.STRONG))
            if name in examples:
                say(f"    like {examples[name]}")
            for remark in (*proposal.grant.remarks, *proposal.grant.doubts, *proposal.grant.openings):
                say(f"    {remark}")
            if not self._ask_one(proposal):
                break
        return self._text

    def _ask_one(self, proposal: Proposal) -> bool:
        """Ask about one proposal until the answer is valid; return False to stop."""
        name, conditions = proposal.grant.operation, proposal.grant.conditions
        can_deny = name in OPERATIONS and not self._policy.allows(name)
        while True:
            self._show(name, conditions)
            choices = [choice for choice in _CHOICES if choice != _DENY or can_deny]
            answer = ask(f"{', '.join(_CHOICES[choice] for choice in choices)}?")
            if answer == _QUIT:
                return False
            if answer == _NARROW:
                conditions = _narrow(conditions)
            elif answer not in choices:
                say(f"answer with {', '.join(choices)}")
            elif answer == _SKIP or self._add(_LISTS[answer], (name, {} if answer == _DENY else conditions)):
                return True

    @property
    def _policy(self) -> CompiledPolicy:
        return self._read(self._text).policy

    def _read(self, text: str) -> SocketSettings:
        return choose_socket(read_policy(text, self._path).sockets, self._name)

    def _show(self, name: str, conditions: Mapping[str, Value]) -> None:
        say("", *(paint(line, Style.GOOD) for line in write_item(name, conditions, _INDENT)))
        exposes = find_new_exposures(self._policy, name, conditions)
        say(
            *(paint(f"    a client {says}", Style.DOUBTFUL) for says in exposes)
            if exposes
            else ("    no additional exposure",)
        )

    def _add(self, key: str, item: Item) -> bool:
        """Add an item to the text; if that fails, print why and return False."""
        text = add_items(self._text, self._name, key, [item])
        objection = "cannot be added here; write it by hand" if text is None else self._object_to(text)
        if text is None or objection:
            say(paint(f"    {objection}", Style.BAD))
            return False
        self._text = text
        return True

    def _object_to(self, text: str) -> str:
        """Return why a changed text is not acceptable; empty if it is."""
        try:
            exceeded = _find_excess(self._most, self._read(text))
        except UserError as error:
            return str(error)
        return f"not proven to be within --at-most: {exceeded}" if exceeded else ""


def _narrow(conditions: Mapping[str, Value]) -> Mapping[str, Value]:
    """Contain an unrestricted grant; for any other, ask which items of each list to keep."""
    if UNRESTRICTED.word in conditions:
        say("    contained: requests that need an unrestricted grant stay denied:")
        return {word: value for word, value in conditions.items() if word != UNRESTRICTED.word}
    narrowed = dict(conditions)
    for word, value in conditions.items():
        items = list_items(value) if isinstance(value, tuple) else ()
        if len(items) > 1:
            spelled = (item if isinstance(item, str) else write_value(item) for item in items)
            say(*(f"    {number}  {text}" for number, text in enumerate(spelled, 1)))
            numbers = _ask_numbers(f"which {word} to keep? numbers, or Enter for all:", len(items))
            kept = tuple(item for number, item in enumerate(items, 1) if number in numbers)
            narrowed[word] = kept  # type: ignore[assignment] # the items keep their type
    if narrowed == conditions:
        say("    nothing to narrow: edit the file to add other conditions")
    return narrowed


def _ask_numbers(question: str, most: int) -> Sequence[int]:
    """Ask for numbers from 1 to `most`; an empty answer means all."""
    while True:
        words = ask(f"    {question}").replace(",", " ").split()
        numbers = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < len(str(most)) + 1]
        if not words:
            return range(1, most + 1)
        if len(numbers) == len(words) and all(1 <= number <= most for number in numbers):
            return numbers
        say(f"    numbers from 1 to {most}")
