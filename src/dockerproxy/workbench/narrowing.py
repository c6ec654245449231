"""Write the narrower policy: what recorded requests did not need is taken out of the text of a policy file.

The result is read again, as `serve` would, and proven like `diff --at-most` does, and each recorded request that was
allowed still is. A change that does not stand this is not made
(test: test_what_was_allowed_is_allowed_by_the_narrower_policy, test_nothing_is_allowed_that_was_not).

Attack: a list that nobody asked for, without which `/info` counts what it hides -> Defence: that list stays
(test: test_what_hides_counts_stays).
Attack: list the names that were given in place of any, after which the client takes those of nobody's -> Defence: such
a list is no narrower (test: test_a_list_by_which_names_of_nobody_s_are_taken_is_not_narrower).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.model import Mode
from dockerproxy.problems import UserError
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.edits import replace_item
from dockerproxy.workbench.proof import find_doubts
from dockerproxy.workbench.usage import Change, Usage, judge_asked

_SHARED: Final = "it shares its text with other grants, or has comments within; change it by hand"
_NEEDED: Final = "it cannot be changed without a change of another grant"


class Narrowed(NamedTuple):
    """The text of a narrower policy file, the changes that it has, and those that it has not, each with the reason."""

    text: str
    made: tuple[Change, ...]
    left: tuple[tuple[Change, str], ...]


def narrow_file(text: str, file: str, usages: Sequence[Usage]) -> Narrowed:
    """Make all changes that can be made to the text of a policy file."""
    changes = sorted(
        (change for usage in usages for change in usage.find_changes()),
        key=lambda change: (change.line.place.line, change.line.place.column),
    )
    made, left = list[Change](), list[tuple[Change, str]]()
    result = text
    for change in reversed(changes):  # From the end, so that places in front of it stay.
        changed = replace_item(result, change.line.place, change.grants)
        if changed is None:
            left.insert(0, (change, _SHARED))
        else:
            made.insert(0, change)
            result = changed
    if made and _find_fault(result, file, usages):
        return _narrow_by_one(text, file, usages, made, left)
    return Narrowed(result, tuple(made), tuple(left))


def _narrow_by_one(
    text: str, file: str, usages: Sequence[Usage], changes: Sequence[Change], left: list[tuple[Change, str]]
) -> Narrowed:
    """Make one change after the other, and leave those out that do not stand."""
    made = list[Change]()
    for change in reversed(changes):
        changed = replace_item(text, change.line.place, change.grants)
        fault = _SHARED if changed is None else _find_fault(changed, file, usages)
        if changed is None or fault:
            left.append((change, fault))
        else:
            made.insert(0, change)
            text = changed
    return Narrowed(text, tuple(made), tuple(left))


def _find_fault(text: str, file: str, usages: Sequence[Usage]) -> str:
    """Say why the text of a file is no narrower policy that allows what was asked for; empty if it is."""
    try:
        sockets = {socket.name: socket for socket in read_policy(text, file).sockets}
    except UserError as error:
        return error.problems[0].what
    for usage in usages:
        new = sockets[usage.socket.name]
        if not is_narrower(new, usage.socket) or not all(judge_asked(new.policy, asked) for asked in usage.asked):
            return _NEEDED
    return ""


def is_narrower(new: SocketSettings, old: SocketSettings) -> bool:
    """Whether it is proven that a socket allows no more than another one would, if both denied what they do not."""
    return not any(find_doubts(*map(_enforce, (old, new))))


def _enforce(socket: SocketSettings) -> SocketSettings:
    enforced = replace(socket.policy.policy, mode=Mode.ENFORCE)
    return replace(socket, policy=replace(socket.policy, policy=enforced))
