"""What is used of a quota: by objects, as the engine describes them, and by a request that would add to them.

A request is read in what goes to the engine, so that what is counted is what is made. Requests that the engine works on
are counted beside what it lists. Each has a mark that the object has, too: none is counted twice, and none is missed.

Attack: delete the image of a container, so that its stamp proves nothing -> Defence: it counts all the same
(test: test_a_forged_stamp_does_not_count_and_one_that_cannot_be_proven_does).
Attack: call a volume like the mark of another one -> Defence: names and marks are told apart.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.anonymous import list_nonces
from dockerproxy.policy.claim import Known
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import Lookup, ResolvedObject, get_object
from dockerproxy.policy.quota import MAKES, Quota
from dockerproxy.policy.stamps import NONCE, find_owner
from dockerproxy.wire.document import object_of


class Item(NamedTuple):
    """Something that is counted as a word: marks, by any of which it is the same as another one.

    A mark is `id` or `nonce`, and that. The id of a volume is its name.
    """

    word: str
    marks: tuple[tuple[str, str], ...]


def add_up(listed: tuple[Item, ...], more: tuple[Item, ...]) -> Counter[str]:
    """Return how many there are of each word: those that are listed, and those that are or may be under way."""
    total = Counter(item.word for item in listed)
    known = {(item.word, mark) for item in listed for mark in item.marks}
    for item in more:
        marks = {(item.word, mark) for mark in item.marks}
        total[item.word] += known.isdisjoint(marks)
        known |= marks
    return total


def find_excess(quota: Quota, listed: tuple[Item, ...], pending: tuple[Item, ...], asked: tuple[Item, ...]) -> str:
    """Say of which quota a request asks for more than is left, as a clause with a way out; empty if of none."""
    before, after = add_up(listed, pending), add_up(listed, (*pending, *asked))
    for word, most in quota.most.items():
        if after[word] > max(most, before[word]):
            return f'{before[word]} of {most} {word} are there; remove one, or raise quota of socket "{quota.socket}"'
    return ""


def is_counted(found: ResolvedObject | Lookup, owner: str, labels: Mapping[str, Mapping[str, object] | None]) -> bool:
    """Whether something counts as an owner's: it has the stamp, and nothing proves that the stamp is its image's."""
    inherited = labels.get(found.target) if isinstance(found, Lookup) else None
    return find_owner(get_object(found).labels, inherited or {}) == owner


def count_object(word: str, found: ResolvedObject) -> Item:
    """Return an object that is there."""
    return Item(word, (("id", found.id), ("nonce", str(found.labels.get(NONCE)))))


def find_asked(request: CanonicalRequest, decision: Decision, known: Known) -> tuple[Item, ...]:
    """Return what a request would add that goes on by this decision."""
    name, content = request.operation.name, object_of(json.loads(decision.content or b"{}"))
    mounted = tuple(Item("volumes", (("id", each),)) for each in decision.mounts)
    if name not in MAKES:
        return mounted
    unnamed = (Item("volumes", (("nonce", nonce),)) for nonce in list_nonces(content))
    called = content.get("Name") if name == "VolumeCreate" else ""  # It may be there already.
    mark = ("id", str(called)) if called else ("nonce", known.nonce)
    return (*mounted, *unnamed, Item(MAKES[name], (mark,)))
