"""Prove that a policy allows no more than another one: each new grant lies within an old grant.

`covers` compares two grants word by word. Fields without a rule here must be equal, so a field that is added later is
never ignored (test: test_a_setting_without_a_rule_is_never_passed_over).

Attacks: docs/attacks.md, workbench/inclusion.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import le
from typing import Any, Final, NamedTuple

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.decide import list_volume_names
from dockerproxy.policy.differences import covers
from dockerproxy.policy.model import Decision, Denial, Mode, Policy, Tenancy
from dockerproxy.policy.objects import OWN, VOLUME_CREATE
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.images import Sent
from dockerproxy.settings import SocketSettings


class Doubt(NamedTuple):
    """A reason why the proof fails: the setting or operation, an explanation as a clause, and the new grant."""

    what: str
    why: str
    case: Case | None = None


_Value = SocketSettings | CompiledPolicy | Policy | Case | Decision
Rule = Callable[[Any, Any], bool]
"""Return whether the new value allows no more than the old one."""


def find_doubts(old: SocketSettings | None, new: SocketSettings) -> Iterator[Doubt]:
    """Yield the reasons why the proof fails that a socket allows no more than before; none if it is proven."""
    now = new.policy
    if old is None:
        if now.policy.mode_word != Mode.ENFORCE or any(map(now.allows, OPERATIONS)):
            yield Doubt("socket", "it is new")
        return
    was = old.policy
    for before, after, rules in (
        (old, new, _OF_SOCKET),
        (was, now, _OF_COMPILED),
        (was.policy, now.policy, _OF_POLICY),
    ):
        for field in _find_wider(before, after, rules):
            yield Doubt(_KEYS.get(field, field), "it may allow more than before")
    if was.owner != now.owner:
        yield Doubt("own_as", "it may allow more than before")
    if now.owner and None in list_volume_names(now) and None not in list_volume_names(was):
        yield Doubt(VOLUME_CREATE, "without it, a create makes volumes of any name")
    for name in OPERATIONS:
        for case in _find_uncovered(name, was.cases[name], now.cases[name]):
            why = "no old grant is known to cover it" if was.allows(name) else "it was not allowed"
            yield Doubt(name, why, case)


def _find_wider(old: _Value, new: _Value, rules: Mapping[str, Rule]) -> Iterator[str]:
    """Yield the fields of a value that may allow more. A field without a rule must be equal."""
    for field in new.__match_args__:
        was, now = getattr(old, field), getattr(new, field)
        if was != now and not (field in rules and rules[field](was, now)):
            yield field


def _find_uncovered(name: str, before: Sequence[Case], after: Sequence[Case]) -> Iterable[Case]:
    """Return the new cases of an operation that do not lie within an old case."""
    pairs = zip(before, after, strict=False)
    if len(before) == len(after) and all(
        was.conditions == now.conditions and _is_alike(was, now) for was, now in pairs
    ):
        return ()
    return [case for case in after if not _is_within(name, before, case)]


def _is_within(name: str, before: Iterable[Case], case: Case) -> bool:
    for old in before:
        if _is_alike(old, case) and covers(name, old.conditions, case.conditions, owns=old.beside is not None):
            return True
        if old.body is not None and case.body is None:
            return False  # Later cases are tried only after the body was read, which may refuse the request.
    return False


def _is_alike(old: Case, new: Case) -> bool:
    """Return whether only the conditions differ: both use the same `own`, or only the new case demands it."""
    was, now = old.of_body.get(OWN), new.of_body.get(OWN)
    is_own = was == now or (was is None and new.beside is None)
    wider = (*_find_wider(old, new, _OF_CASE), *_find_wider(old.decision, new.decision, _OF_DECISION))
    return is_own and not wider


def _may_differ(_old: object, _new: object) -> bool:
    return True


def _denies_no_less(old: Iterable[Denial], new: Iterable[Denial]) -> bool:
    before, after = ({name for denial in denials for name in denial.operations} for denials in (old, new))
    return before <= after


def _is_no_larger(old: Tenancy, new: Tenancy) -> bool:
    return all(word in new.most and new.most[word] <= most for word, most in old.most.items())


def _sends_no_more(old: Condition | None, new: Condition | None) -> bool:
    """Compare the names that only a literal item allows (`policy/words/images`)."""
    was, now = (each.constraint if each is not None else None for each in (old, new))
    if old is None or new is None or not isinstance(was, Sent) or not isinstance(now, Sent):
        return old is None
    return set(was.taken) <= set(now.taken) and was.within(new.value, old.value)


_KEYS: Final = {
    "uid": "owner",
    "gid": "group",
    "hides": "hide",
    "tenancy": "quota",
    "bounds": "quota",
    "places": "paths",
    "denials": "deny",
    "asks": "mode",
}
"""Names of fields in a policy file, where they differ."""

_OF_SOCKET: Final[Mapping[str, Rule]] = dict.fromkeys(
    ("name", "policy", "notes_created", "sweep", "idle_after"), _may_differ
)
_OF_COMPILED: Final[Mapping[str, Rule]] = dict.fromkeys(("policy", "cases", "denials", "tenancy"), _may_differ)
_OF_POLICY: Final[Mapping[str, Rule]] = {
    # The compiled cases contain the meaning of these fields.
    **dict.fromkeys(("grants", "advice", "lines", "taken"), _may_differ),
    "denials": _denies_no_less,
    "mode": lambda _old, new: new is Mode.ENFORCE,
    "places": lambda old, new: not new.own_socket and replace(old, sockets=new.sockets) == new,
    "tenancy": _is_no_larger,
    "bounds": lambda old, new: all(map(le, new, old)),
    "hides": frozenset.issubset,
    "asks": lambda _old, new: not new,
}
_OF_CASE: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(("conditions", "decision", "body", "judges_head", "beside"), _may_differ),
    "sends": _sends_no_more,
}
_OF_DECISION: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(("sources", "denied", "told", "about_object", "conditions"), _may_differ),
    "shows": lambda old, new: not old or bool(new),
    "walks": le,
}
