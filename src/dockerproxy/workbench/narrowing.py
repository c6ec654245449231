"""Write the narrower policy: what recorded requests did not need is taken out of the text of a policy file.

The result is read again, as `serve` would, and proven: each grant is covered by one that was there, and each recorded
request that was allowed still is. A change that does not stand this is not made
(test: test_what_was_allowed_is_allowed_by_the_narrower_policy, test_nothing_is_allowed_that_was_not).

Attack: a list that nobody asked for, without which `/info` counts what it hides -> Defence: that list stays
(test: test_what_hides_counts_stays).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.differences import covers, list_settings
from dockerproxy.problems import UserError
from dockerproxy.workbench.edits import replace_item
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
        new, old = sockets[usage.socket.name].policy, usage.socket.policy
        if not is_narrower(new, old) or not all(judge_asked(new, asked) for asked in usage.asked):
            return _NEEDED
    return ""


def is_narrower(new: CompiledPolicy, old: CompiledPolicy) -> bool:
    """Whether each grant of a policy is certainly covered by one of another policy, and they say the same besides."""
    return list_settings(new) == list_settings(old) and all(
        any(
            covers(name, before.conditions, case.conditions)
            and bool(before.decision.shows) <= bool(case.decision.shows)
            for before in old.cases[name]
        )
        for name in OPERATIONS
        for case in new.cases[name]
    )
