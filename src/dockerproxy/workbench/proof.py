"""Prove that one socket allows no request that another one does not, or say what keeps it from being proven.

Each setting has a rule here, and each case of the new policy must be within one of the old. A field without a rule must
be the same, so a setting that comes later is never passed over
(test: test_a_setting_without_a_rule_is_never_passed_over).

Attack: two policies that are proven, and a request that only the new one allows -> Defence: what holds of a case alone
is not taken to hold of the policy, since cases have an effect on others, as below
(test: test_what_is_proven_is_shown_otherwise_by_no_request).
Attack: a body that the old policy refuses for its size, and an unrestricted grant of the new one -> Defence: the old
one must decide by such a grant before it holds a body; one that reports or learns holds all that it does not allow
(test: test_a_body_that_was_held_must_still_be_held).
Attack: an archive, which the old policy judges by those grants only that leave it the same parameters -> Defence: there
is but one such grant (test: test_several_grants_that_judge_an_archive_are_no_proof).
Attack: take away which volumes may be made, after which a create makes any -> Defence: they are compared
(test: test_fewer_grants_of_new_volumes_may_be_more).
Attack: another owner, whose objects each body may then name -> Defence: it must be the same
(test: test_what_is_own_to_others_is_more).
Attack: take away the list of containers, after which counts of all that there is are shown -> Defence: what was hidden
must still be (test: test_counts_that_were_hidden_must_still_be).
Attack: a create that lists more images, all of which other operations then show -> Defence: they are compared
(test: test_images_that_a_grant_lists_are_shown_elsewhere).
Attack: connect containers of others, which a grant of own networks lists beside one that lists none -> Defence: where
clients own what they create, to list none is for own ones (test: test_containers_of_others_are_more_than_own_ones).
Attack: remove an image by its ID, all of whose names a list must have, where old grants have one each -> Defence: such
a list is not taken apart (test: test_a_list_for_all_names_of_an_image_is_not_two_lists).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from itertools import product
from typing import Any, Final, NamedTuple

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claims.checks import find_words_of_body
from dockerproxy.policy.claims.parameters import LINES
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.own import Own
from dockerproxy.policy.decide import VOLUME_CREATE, list_volume_names
from dockerproxy.policy.differences import covers
from dockerproxy.policy.globs import covers as covers_pattern
from dockerproxy.policy.image_marks import ImageOwner
from dockerproxy.policy.lists import LISTED
from dockerproxy.policy.model import Mode, Policy
from dockerproxy.policy.objects import BY_REFERENCE, EVERY, GIVING, OWN
from dockerproxy.policy.places import Places
from dockerproxy.policy.quota import Quota
from dockerproxy.policy.summaries import COUNTING
from dockerproxy.policy.values import items_of, list_names
from dockerproxy.policy.vocabulary import is_about_object
from dockerproxy.settings import Limits, SocketSettings

_OPEN: Final = frozenset({Mode.REPORT, Mode.LEARN})
"""Modes in which nothing is refused but what shows what is hidden, and a body that cannot be read."""

_ANYBODY: Final = 0o222
"""Who may write to a socket's file may connect: owner, group and all others (unix(7))."""

_MOST_PIECES: Final = 256
"""Into which the lists of a case are taken apart."""

_NOTHING: Final = Policy(grants=(), denials=(), hint=str)
"""Of a socket that there is not."""


class Doubt(NamedTuple):
    """What keeps it from being proven that a socket allows no more than another one: a setting by its key, or a case.

    `why` is what it may allow more, as a clause.
    """

    what: str
    why: str
    case: Case | None = None


Rule = Callable[[Any, Any], str]
"""Says why a new value may allow more than an old one; nothing if it certainly does not."""


def find_doubts(old: SocketSettings | None, new: SocketSettings) -> Iterator[Doubt]:
    """Yield what keeps it from being proven that a socket allows no more than it did; nothing if it is proven."""
    if old is None:
        yield from _compare(
            dict.fromkeys(_OF_POLICY, _may_differ) | {"mode": _compare_modes}, _NOTHING, new.policy.policy
        )
        if new.policy.policy.asks:
            yield from _compare_asked(_NOTHING, new.policy.policy)
        yield from (Doubt(name, "the socket is new", case) for name in OPERATIONS for case in new.policy.cases[name])
        return
    owners = partial(_compare_owners, old.permissions)
    yield from _compare({**_OF_SOCKET, "uid": owners, "gid": owners}, old, new)
    yield from _compare(_OF_COMPILED, old.policy, new.policy)
    yield from _compare(_OF_POLICY, old.policy.policy, new.policy.policy)
    if new.policy.policy.asks and old.policy.mode not in _OPEN:
        yield from _compare_asked(old.policy.policy, new.policy.policy)
    compare = _compare_held if old.policy.mode in _OPEN else _compare_cases
    for name in OPERATIONS:
        yield from compare(old.policy, new.policy, name)


# Settings


def _compare(rules: Mapping[str, Rule], old: object, new: object) -> Iterator[Doubt]:
    """Compare two values of one dataclass, field by field; what has no rule must be the same."""
    for field in fields(new):  # type: ignore[arg-type] # it is one
        why = rules.get(field.name, _must_be_same)(getattr(old, field.name), getattr(new, field.name))
        if why:
            yield Doubt(_KEYS.get(field.name, field.name), why)


def _must_be_same(old: object, new: object) -> str:
    return "" if old == new else f"{_show(new)}, was {_show(old)}"


def _show(value: object) -> str:
    return "none" if value is None or value == "" else str(value)


def _may_differ(_old: object, _new: object) -> str:
    return ""


def _compare_limits(old: Limits, new: Limits) -> str:
    """A limit may be lowered; what is no number must be the same."""
    values = {field.name: (getattr(old, field.name), getattr(new, field.name)) for field in fields(new)}
    are_numbers = {name for name, pair in values.items() if all(isinstance(each, int | float) for each in pair)}
    raised = [name for name, (was, now) in values.items() if now != was and not (name in are_numbers and now < was)]
    return f"{list_names(raised, 'and')} may be more than before" if raised else ""


def _compare_permissions(old: int, new: int) -> str:
    more = new & ~old & _ANYBODY
    return f"{new:04o}, was {old:04o}: more users may connect" if more else ""


def _compare_owners(permissions: int, old: int | None, new: int | None) -> str:
    """Whoever owns the file is another one. That makes no difference where anybody may connect."""
    return "" if permissions & _ANYBODY == _ANYBODY else _must_be_same(old, new)


def _compare_modes(old: Mode, new: Mode) -> str:
    if old in _OPEN or old is new is Mode.ENFORCE:
        return ""
    if old is new:
        return f"what the mode {new} lets through is not known"
    return f"{new}, was {old}" + (": it denies nothing" if new in _OPEN else "")


def _compare_asked(old: Policy, new: Policy) -> Iterator[Doubt]:
    """Whoever is asked may allow whatever is not denied."""
    if not old.asks:
        yield Doubt("mode", f"ask, was {old.mode_word}: a person may allow what no rule does")
        return
    denied = {name for denial in new.denials for name in denial.operations}
    for name in sorted({name for denial in old.denials for name in denial.operations} - denied):
        yield Doubt(name, "it is no longer denied, so that a person may allow it")


def _compare_quotas(old: Quota | None, new: Quota | None) -> str:
    """A quota may be added or lowered, but neither raised nor removed."""
    before, after = ({} if each is None else each.most for each in (old, new))
    raised = [word for word, most in before.items() if after.get(word, most + 1) > most]
    return f"more {list_names(raised, 'and')} than before" if raised else ""


def _compare_places(old: Places, new: Places) -> str:
    """What the client may call its own socket says nothing where it gets none."""
    is_same = old == (new if new.own_socket else replace(new, sockets=old.sockets))
    return "" if is_same else "mounts lead elsewhere, by paths or own_socket"


def _compare_hidden(old: frozenset[str], new: frozenset[str]) -> str:
    shown = ", ".join(sorted(old - new))
    return f"{shown} is shown" if shown else ""


def _compare_shown(old: Sequence[object], new: Sequence[object]) -> str:
    """What some see in part, all of a list or of the counts of `/info`, may not be shown whole; parts are compared."""
    return "all is shown" if old and not new else ""


def _compare_images(old: ImageOwner | None, new: ImageOwner | None) -> str:
    """Grants may list fewer images that are nobody's, to see them or to take their names."""
    return "" if old == new or _owns_no_more(old, new) else "other images are the client's, or as good as that"


def _owns_no_more(old: ImageOwner | None, new: ImageOwner | None) -> bool:
    if old is None or new is None or old != new._replace(granted=old.granted, takes=old.takes):
        return False
    pairs = (old.granted, new.granted), (old.takes, new.takes)
    return all(any(covers_pattern(wide, narrow) for wide in before) for before, after in pairs for narrow in after)


_KEYS: Final = {"uid": "owner", "gid": "group", "hides": "hide", "places": "paths"}
"""What a policy file calls some fields."""

_OF_SOCKET: Final[Mapping[str, Rule]] = {
    "name": _may_differ,  # Of the log. Whose its clients' objects are, says the owner of each case.
    "permissions": _compare_permissions,
    "policy": _may_differ,  # It is compared by what it says.
    "limits": _compare_limits,
    **dict.fromkeys(("notes_created", "sweep", "idle_after"), _may_differ),  # They let no request through.
}
_OF_COMPILED: Final[Mapping[str, Rule]] = dict.fromkeys(("policy", "cases", "default", "owner"), _may_differ)
_OF_POLICY: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(("grants", "denials"), _may_differ),  # They are compared case by case.
    **dict.fromkeys(("hint", "remedy"), _may_differ),  # They are words.
    "owner": _may_differ,  # It is compared with each case that it is about.
    "mode": _compare_modes,
    "quota": _compare_quotas,
    "places": _compare_places,
    "hides": _compare_hidden,
    "asks": _may_differ,  # `_compare_asked` says what that may allow.
}
_OF_DECISION: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(("source", "message", "reason"), _may_differ),  # They are words.
    **dict.fromkeys(("about_object", "conditions", "owner"), _may_differ),  # They follow from the conditions.
    "shows": _compare_shown,
    "images": _compare_images,
    "counts_for": lambda old, new: "" if old in {"", new} else _must_be_same(old, new),
}

_OF_CASE: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(("conditions", "decision", "body", "judges_head", "beside", "by_word", "of_body"), _may_differ),
    "key": _may_differ,  # Which stamps a change takes is part of its `own`, with all keys.
}


# Cases


def _compare_cases(old: CompiledPolicy, new: CompiledPolicy, name: str) -> Iterator[Doubt]:
    """Yield the cases of an operation that none of the old policy is known to cover."""
    before, after = old.cases[name], new.cases[name]
    is_same = len(before) == len(after) and all(
        was.conditions == now.conditions and _judges_alike(was, now) for was, now in zip(before, after, strict=True)
    )
    why = _find_effect(old, new, name, is_same=is_same)
    for case in after:
        if not is_same and not all(_is_covered(name, before, piece) for piece in _take_apart(name, case)):
            shows = before and (name in LISTED or name in COUNTING)
            yield Doubt(name, "shows more" if shows else "no old grant is known to cover it", case)
        elif why:
            yield Doubt(name, why, case)


def _compare_held(old: CompiledPolicy, new: CompiledPolicy, name: str) -> Iterator[Doubt]:
    """Yield what is not held for its body, where the old policy denies nothing but a body that it cannot read."""
    if name in BODIES and BODIES[name].is_read and not old.mode is new.mode is Mode.LEARN:
        yield from (
            Doubt(name, "bodies may be longer, or no JSON", case) for case in new.cases[name] if case.body is None
        )


def _judges_alike(old: Case, new: Case) -> bool:
    """Whether two cases differ in nothing but what has a rule: neither in a field that is new, nor in whose all is."""
    more = (*_compare(_OF_CASE, old, new), *_compare(_OF_DECISION, old.decision, new.decision))
    before, after = (each.of_body.get(OWN) for each in (old, new))
    names = old.body is None or (_is_owned(before, after) and (before is not None or after is None))
    return not more and names and _is_owned(old.by_word.get(OWN), new.by_word.get(OWN))


def _is_owned(old: Condition | None, new: Condition | None) -> bool:
    """Whether all that is the client's own, or as good as that, is so by the old condition, too."""
    if old is None or old == new:
        return True
    was, now = old.constraint, None if new is None else new.constraint
    if not isinstance(was, Own) or not isinstance(now, Own) or was.creates != now.creates:
        return False
    return _owns_no_more(was.images, now.images)


def _is_covered(name: str, before: tuple[Case, ...], case: Case) -> bool:
    """Whether one of the old cases certainly admits all that a new one does."""
    for old in before:
        owns = old.beside is not None
        if _judges_alike(old, case) and covers(name, old.conditions, case.conditions, owns=owns):
            return True
        if old.body is not None and case.body is None:
            return False  # What follows decides only when the body was read, which may be refused.
    return False


def _take_apart(name: str, case: Case) -> Iterator[Case]:
    """Take a case apart into those of one item each, where a request has but one thing that the items are about."""
    single = {line.word for line in LINES.get(name, ())}
    in_body = set(find_words_of_body(BODIES[name])) if name in BODIES else set()
    is_single = name not in BY_REFERENCE | EVERY | GIVING
    choices: list[tuple[Condition, ...]] = []
    size = 1
    for each in case.conditions:
        items = items_of(each.value)
        about = name in LISTED or (is_single and is_about_object(OPERATIONS[name], each.word))
        can = (each.word in single or about) and each.word not in in_body and len(set(items)) > 1
        size *= len(items) if can else 1
        choices.append(tuple(Condition(each.constraint, (item,)) for item in items) if can else (each,))
    for conditions in product(*choices) if size <= _MOST_PIECES else (case.conditions,):
        yield replace(case, conditions=conditions)


def _find_effect(old: CompiledPolicy, new: CompiledPolicy, name: str, *, is_same: bool) -> str:
    """Say what has an effect on what the cases of an operation let through, besides these; nothing if nothing has."""
    before, after = old.cases[name], new.cases[name]
    contained = [case for case in before if case.body is not None]
    is_stream = name in BODIES and BODIES[name].streams
    if is_stream and not is_same and (len(contained) > 1 or (contained and any(case.body is None for case in after))):
        return "several old grants judge its archive together"
    if old.owner and any(case.body is not None for case in after) and not _makes_no_more(old, new):
        makes = "volumes" in find_words_of_body(BODIES[name])
        return f"it may make volumes of other names, since {VOLUME_CREATE} differs" if makes else ""
    return ""


def _makes_no_more(old: CompiledPolicy, new: CompiledPolicy) -> bool:
    """Whether a create may make no volume on its way that it could not make before."""
    was, now = list_volume_names(old), list_volume_names(new)
    return (
        now == [] or None in was or all(each is not None and any(_is_within(each, one) for one in was) for each in now)
    )


def _is_within(inner: Condition, outer: Condition | None) -> bool:
    return outer is None or inner.constraint.within(inner.value, outer.value)
