"""Which lines of `allow` recorded requests needed, and how narrow these could be.

A record tells less than the proxy knew: bodies are recorded by sockets that report or learn, names of objects where a
condition asks for them, and never whose an object is. So a line allows a request surely, perhaps or not; what may have
been needed stays as it is.

Attack: a request of which the record does not tell by which of two lines it passed -> Defence: both stay, unless one of
those that stay surely allows it (test: test_what_was_allowed_is_allowed_by_the_narrower_policy,
test_whose_an_object_was_is_never_known, test_what_may_be_listed_by_another_name_stays).
Attack: a line without which others allow more: what `own` clients change is bounded by the grant of the create, and the
volumes on its way by that of VolumeCreate; images that a grant lists are seen -> Defence: such lines stay where
something is own, and whatever changes must be covered by what was there (test: test_what_bounds_what_is_own_stays,
test_what_lists_images_for_others_stays_where_something_is_own, test_what_lists_the_image_that_was_seen_stays).
Attack: a list or event stream, of which each line shows a part -> Defence: lines that allow one stay
(test: test_each_line_of_a_list_is_needed).
Attack: more different requests than are kept, so that some are not looked at -> Defence: nothing is proposed then
(test: test_nothing_is_proposed_of_a_log_that_is_too_large).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from itertools import chain
from operator import itemgetter
from typing import Final, NamedTuple

from dockerproxy.api.catalog import HEALTH, OPERATIONS, UNKNOWN, Operation
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.config.grants import Line
from dockerproxy.config.groups import PRESET, bounds_body
from dockerproxy.observe.record import MAX_TARGET, Outcome, Record
from dockerproxy.policy.claim import Known
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.compile import CREATED_BY, Case, CompiledPolicy, compile_policy
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.registry import CONSTRAINTS, conditions_of
from dockerproxy.policy.decide import VOLUME_CREATE, decide, is_allowed
from dockerproxy.policy.differences import covers
from dockerproxy.policy.image_grants import find_granted
from dockerproxy.policy.lists import LISTED
from dockerproxy.policy.model import Grant, values_of
from dockerproxy.policy.needs import LISTS, list_items
from dockerproxy.policy.objects import LABELLED, OWN
from dockerproxy.policy.values import Value, items_of, write_value
from dockerproxy.policy.vocabulary import (
    UNRESTRICTED,
    find_words,
    is_about_object,
    is_of_body,
    list_words_of_fields,
    narrows,
)
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.learning import Learner
from dockerproxy.workbench.needs import Absent, Gap, Need, find_named, find_need
from dockerproxy.workbench.replay import MOST_KEPT, Kind, Kinds, without_bodies

_BOUNDING: Final = frozenset({VOLUME_CREATE, *chain(*CREATED_BY.values())})
"""Operations whose grants bound what clients do with their own."""

_MOST_TRIED: Final = 50_000
"""Decisions to find out which items of lists are not needed."""

_NOT_USED: Final = "not used"
_SHOWN: Final = 100
"""Characters of a value that a line shows."""

_ID: Final = re.compile(r"(?:sha256:)?[0-9a-f]{64}|[0-9a-z]{25}")  # The latter of what is in a swarm.
_HEX: Final = re.compile(r"(?:sha256:)?[0-9a-f]+")
"""A name that may be the beginning of an id."""


class Allows(IntEnum):
    """Whether a line allows a request, as far as its record tells."""

    NO = 0
    PERHAPS = 1
    SURELY = 2


class Asked(NamedTuple):
    """A recorded request, whole unless it was too long for a record.

    Of the unknown conditions the record does not tell whether they hold. `tells_body` says whether it tells what a
    grant must say for the body.
    """

    record: Record
    operation: Operation
    request: CanonicalRequest | None
    unknown: frozenset[str]
    tells_body: bool


def read_asked(record: Record) -> Asked | None:
    """Return what a record tells of a request; None of one that no grant is about."""
    if record.decision is Outcome.REFUSED:
        return None
    request = canonicalise(record.method, record.target)
    if len(record.target) >= MAX_TARGET or not isinstance(request, CanonicalRequest):
        operation = OPERATIONS.get(record.operation)
        unknown = frozenset(find_words(operation)) if operation else frozenset()
        return Asked(record, operation, None, unknown, tells_body=False) if operation else None
    if request.operation in (UNKNOWN, HEALTH):
        return None
    unknown = _find_unknown(request.operation, record)
    return Asked(record, request.operation, request, unknown, tells_body=record.body is not None)


def _find_unknown(operation: Operation, record: Record) -> frozenset[str]:
    words, need = find_words(operation), find_need(record)
    if operation.name in LISTED or not isinstance(need, Need):
        return frozenset(words)
    unknown = {word for word, value in need.values.items() if isinstance(value, Gap | Absent)}
    if need.named and not record.object and _HEX.fullmatch(need.named):
        unknown |= {word for word in words if is_about_object(operation, word)}
    for word, each in words.items():
        is_told = record.body is not None and each.takes in LISTS and (each.is_learned or not each.narrows)
        if is_of_body(operation, word) and not is_told:
            unknown.add(word)
    return frozenset({*unknown, OWN, LABELLED, *list_words_of_fields(operation.name)})


def judge_asked(policy: CompiledPolicy, asked: Asked) -> Allows:
    """Say whether a policy allows a request, in the best of its cases."""
    return max((_judge_case(policy, case, asked) for case in policy.cases[asked.operation.name]), default=Allows.NO)


def _judge_case(policy: CompiledPolicy, case: Case, asked: Asked) -> Allows:
    """Judge by what is known, and take the rest for what the case demands."""
    name, record = asked.operation.name, asked.record
    if asked.request is None:
        return Allows.PERHAPS
    told = tuple(condition for condition in case.conditions if condition.word not in asked.unknown)
    about_object = any(is_about_object(asked.operation, condition.word) for condition in told)
    found = find_named(asked.request, record)
    decision = replace(case.decision, about_object=about_object or found is not None)
    reduced = replace(case, conditions=told, decision=decision)
    single = replace(policy, cases={**policy.cases, name: (reduced,)})
    trusting = record.decision is Outcome.ALLOWED
    single = without_bodies(single, asked.operation, record, trusting=trusting)
    if not is_allowed(decide(single, asked.request, Known(found=found))):
        return Allows.NO
    is_told = len(told) == len(case.conditions) and (case.body is None or asked.tells_body)
    is_whole = asked.operation.name not in LISTED and not list_words_of_fields(name)
    return Allows.SURELY if is_told and is_whole else Allows.PERHAPS


def _doubt(asked: Asked, policy: CompiledPolicy, *, owns: bool) -> Asked | None:
    """Return an allowed request without what a policy may know otherwise; None if that is nothing.

    An image has several names, and what is listed by its ID another one. What a body names may be the client's own, or
    the engine's own network.
    """
    name, record = asked.operation.name, asked.record
    conditions = (each for case in policy.cases[name] for each in case.conditions)
    about = (each for each in conditions if is_about_object(asked.operation, each.word))
    words = {each.word for each in about if each.word == "images" or any(map(_ID.fullmatch, items_of(each.value)))}
    told = record.body or {}
    if UNRESTRICTED.word not in told and (owns or any(CONSTRAINTS[word].needs_lookup for word in told)):
        words |= {word for word in find_words(asked.operation) if is_of_body(asked.operation, word)}
        record = record._replace(body=None)
    is_known = record.decision is not Outcome.ALLOWED or not words
    tells_body = record.body is not None
    return None if is_known else Asked(record, asked.operation, asked.request, asked.unknown | words, tells_body)


class Change(NamedTuple):
    """What could become of a line: the grants that take its place, none if it is not needed, and what that means."""

    line: Line
    grants: tuple[tuple[str, Mapping[str, Value]], ...]
    says: str


class Needed:
    """Which lines of one socket's policy recorded requests needed; of records that differ, so much is kept at most."""

    def __init__(self, socket: SocketSettings, lines: Sequence[Line], most: int = MOST_KEPT) -> None:
        self.socket = socket
        self.lines = tuple(lines)
        self.kinds = Kinds(most)
        self.span: tuple[float, float] | None = None
        self._policies = [self.compile(line.grants) for line in lines]
        self._verdicts: dict[Kind, Mapping[int, Allows]] = {}
        self._asked: dict[Kind, Asked] = {}

    def compile(self, grants: Sequence[Grant]) -> CompiledPolicy:
        """Compile the socket's policy with other grants."""
        return compile_policy(replace(self.socket.policy.policy, grants=tuple(grants)))

    def judge(self, record: Record, when: float) -> Mapping[int, Allows]:
        """Note a request, and return the lines that allow it, by index."""
        self.span = (min(when, self.span[0]), max(when, self.span[1])) if self.span else (when, when)
        kind = self.kinds.note(record)
        if kind is None:
            return {}
        if kind not in self._verdicts:
            asked = read_asked(record)
            lines = () if asked is None else tuple(self._judge_lines(asked))
            self._verdicts[kind] = {index: verdict for index, (verdict, _) in enumerate(lines) if verdict}
            if lines and self._verdicts[kind]:
                self._asked[kind] = max(lines, key=itemgetter(0))[1]
        return self._verdicts[kind]

    def _judge_lines(self, asked: Asked) -> Iterator[tuple[Allows, Asked]]:
        """Yield whether each line allows a request, and the request as far as that is known of it."""
        for policy in self._policies:
            verdict, other = judge_asked(policy, asked), _doubt(asked, policy, owns=self.socket.policy.owner != "")
            yield (judge_asked(policy, other), other) if not verdict and other is not None else (verdict, asked)

    @property
    def asked(self) -> Sequence[Asked]:
        """The requests that the policy may allow, of each kind one."""
        return tuple(self._asked.values())

    def find_unused(self) -> Iterator[tuple[Line, str]]:
        """Say which lines are not needed, and what of presets is not; nothing of a log of which not all is kept."""
        if self.kinds.left_out:
            return
        kept = self._find_kept()
        for index, line in enumerate(self.lines):
            if index not in kept:
                yield line, _NOT_USED
            else:
                yield from self._find_unused_of(index)

    def _find_unused_of(self, index: int) -> Iterator[tuple[Line, str]]:
        line = self.lines[index]
        used = {asked.operation.name for kind, asked in self._asked.items() if index in self._verdicts[kind]}
        unused = [name for name in OPERATIONS if name in line.operations - used]
        if used and unused and line.word.startswith(PRESET):
            yield line, f"not used of it: {', '.join(unused)}"

    def _find_bounding(self, line: Line) -> frozenset[str]:
        """Return the operations of a line that bound what clients do with their own, or list images that they see."""
        single = (grant._replace(operations=frozenset({name})) for grant in line.grants for name in grant.operations)
        listing = (name for one in single for name in one.operations if find_granted((one,)))
        return (line.operations & _BOUNDING).union(listing) if self.socket.policy.owner else frozenset()

    def _find_kept(self) -> set[int]:
        """Return the lines that are needed: those that grant most are left out first."""
        kept = set(range(len(self.lines)))
        for index in sorted(kept, key=lambda index: -len(self.lines[index].operations)):
            line = self.lines[index]
            if not self._find_bounding(line) and all(
                _suffices(self._verdicts[kind], kept - {index}) for kind in self._asked
            ):
                kept.remove(index)
        return kept


class Usage(Needed):
    """What recorded requests needed of one socket's policy, and what of each line."""

    def __init__(self, socket: SocketSettings, lines: Sequence[Line]) -> None:
        super().__init__(socket, lines)
        self._learners = [Learner(socket) for _ in lines]
        self._tries = _MOST_TRIED

    def note(self, record: Record, when: float) -> None:
        """Note a request, at so many seconds since 1970."""
        for index in self.judge(record, when):
            self._learners[index].note(record, when)

    def find_changes(self) -> Iterator[Change]:
        """Find what can be removed or narrowed; nothing of a log of which not all is kept."""
        if self.kinds.left_out or self.span is None:
            return
        kept = self._find_kept()
        for index, line in enumerate(self.lines):
            if index not in kept:
                yield Change(line, (), _NOT_USED)
            elif not line.word.startswith(PRESET) and line.word != OWN:
                yield from self._narrow_line(index, line)

    def find_doubts(self) -> Iterator[tuple[Line, str]]:
        """Say of lines what the log does not tell, and what of a preset was not used, which no change takes out."""
        for index, line in enumerate(self.lines):
            untold: Counter[str] = Counter()
            for kind, asked in self._asked.items():
                if index in self._verdicts[kind]:
                    name = "" if asked.tells_body or asked.operation.name not in BODIES else asked.operation.name
                    untold[name] += self.kinds.counts[kind]
            for name in (name for name in OPERATIONS if untold[name]):
                yield line, f"{name}: conditions on bodies stay, since {untold[name]} came without a recorded body"
            yield from self._find_unused_of(index)

    def _narrow_line(self, index: int, line: Line) -> Iterator[Change]:
        asked: dict[str, list[Asked]] = {}
        for kind, each in self._asked.items():
            if index in self._verdicts[kind]:
                asked.setdefault(each.operation.name, []).append(each)
        learned = {grant.operation: grant.conditions for grant in self._learners[index].learned().grants}
        denied = {name for denial in self.socket.policy.policy.denials for name in denial.operations}
        stay = self._find_bounding(line)
        grants: list[tuple[str, Mapping[str, Value]]] = []
        says: list[str] = []
        for name in (name for name in OPERATIONS if name in (asked.keys() | stay)):
            ways = [grant.conditions for grant in line.grants if name in grant.operations]
            if len(ways) != 1:
                return
            old, new = values_of(ways[0]), values_of(ways[0])
            if name not in stay:
                new = self._narrow(name, ways[0], asked[name], learned.get(name, {}))
            grants.append((name, new))
            says += [f"{name}: {text}" if len(line.operations) > 1 else text for text in _say(old, new)]
        missing = line.operations - denied - {name for name, _ in grants}
        if missing:
            says.insert(0, f"{len(grants)} of {len(line.operations - denied)} operations used")
        if says:
            yield Change(line, tuple(grants), "; ".join(says))

    def _narrow(
        self, name: str, conditions: tuple[Condition, ...], asked: Sequence[Asked], learned: Mapping[str, Value]
    ) -> Mapping[str, Value]:
        """Return the least that a grant of an operation could say, as far as its requests tell."""
        best = dict(values_of(conditions))
        unknown = frozenset().union(*(each.unknown for each in asked))
        is_told = all(each.tells_body for each in asked)
        for change in _list_narrower(OPERATIONS[name], best, learned, unknown, is_told=is_told):
            candidate = {word: value for word, value in {**best, **change}.items() if value is not None}
            if self._is_enough(name, conditions, candidate, asked):
                best = candidate
        for word in best.keys() - unknown:
            best[word] = self._drop_items(name, conditions, best, word, asked)
        return best

    def _drop_items(
        self, name: str, old: tuple[Condition, ...], values: Mapping[str, Value], word: str, asked: Sequence[Asked]
    ) -> Value:
        value = values[word]
        for item in value if isinstance(value, tuple) else ():
            shorter: Value = tuple(each for each in list_items(value) if each != item)  # type: ignore[assignment] # as it was
            self._tries -= len(asked)
            if self._tries > 0 and shorter and self._is_enough(name, old, {**values, word: shorter}, asked):
                value = shorter
        return value

    def _is_enough(
        self, name: str, old: tuple[Condition, ...], values: Mapping[str, Value], asked: Sequence[Asked]
    ) -> bool:
        """Whether a grant that says less allows all that was asked for."""
        if UNRESTRICTED.word in values and any(bounds_body(word, (name,)) for word in values):
            return False  # It would restrict nothing.
        new = conditions_of(values)
        policy = self.compile((Grant(frozenset({name}), name, new),))
        return covers(name, old, new) and all(judge_asked(policy, each) for each in asked)


def _suffices(verdicts: Mapping[int, Allows], kept: set[int]) -> bool:
    """Whether a request that some lines allow is allowed by those that are kept."""
    return Allows.SURELY in (verdicts[index] for index in verdicts if index in kept) or kept >= verdicts.keys()


def _list_narrower(
    operation: Operation,
    old: Mapping[str, Value],
    learned: Mapping[str, Value],
    unknown: frozenset[str],
    *,
    is_told: bool,
) -> Iterator[Mapping[str, Value | None]]:
    """Yield what a grant could say instead, a few words at a time; None stands for a word that is left out.

    What was learned is the least that its requests need. Some record does not tell whether the unknown words hold, or,
    unless all is told, what a contained grant must say.
    """
    of_body = {word for word in find_words(operation) if is_of_body(operation, word)}
    of_object = {word for word in learned if OWN in old and is_about_object(operation, word)}  # Its own have new names.
    said = {
        word: value for word, value in learned.items() if word not in {OWN, UNRESTRICTED.word, *unknown, *of_object}
    }
    is_open = UNRESTRICTED.word in old
    if is_open and is_told and UNRESTRICTED.word not in learned:
        is_open = False
        yield {UNRESTRICTED.word: None, **{word: value for word, value in said.items() if word in of_body}}
    for word, value in said.items():
        before = old.get(word)
        if (before is not None and not CONSTRAINTS[word].within(before, value)) or (
            before is None and narrows(operation, word) and not (is_open and word in of_body)
        ):
            yield {word: value}
    for word in old.keys() - said.keys() - unknown if UNRESTRICTED.word not in learned else ():
        if word in of_body and not narrows(operation, word):
            yield {word: None}


def _say(old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[str]:
    for word in dict.fromkeys((*old, *new)):
        if word == UNRESTRICTED.word and word not in new:
            yield "need not be unrestricted"
        elif word not in new:
            yield f"{word} not used"
        elif old.get(word) != new[word]:
            written = write_value(new[word])
            shown = written if len(written) <= _SHOWN else f"{written[:_SHOWN]}..."
            yield f"{word}: {shown} is enough"
