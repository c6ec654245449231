"""A request that is read and judged by one contained grant, for the tests of what is read."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from dockerproxy.api.bodies.tables import Body
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import Fault, Known, Reading
from dockerproxy.policy.decide import judge_claims, reading_of_head, substitute
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.values import Value
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.wire.document import Json


@dataclass(frozen=True, slots=True)
class Inspected:
    """What became of a request under a grant.

    Attributes:
        faults: What is wrong with it.
        lookups: What the engine must be asked.
        content: What goes to the engine as its body.
        query: What goes to the engine in place of some parameters.
    """

    faults: tuple[Fault, ...]
    lookups: tuple[Lookup, ...]
    content: Json
    query: Mapping[str, tuple[str, ...]]


def conditions_of(bounds: Mapping[str, Value]) -> dict[str, Condition]:
    """Return the conditions of a grant, by their words."""
    return {word: Condition(CONSTRAINTS[word], value) for word, value in bounds.items()}


def inspect(body: Body, bounds: Mapping[str, Value], request: CanonicalRequest, known: Known) -> Inspected:
    """Read a request and judge it by what a grant says."""
    read = read_request(body, request, known)
    judgement = judge_claims(conditions_of(bounds), read.claims)
    query = substitute(read, judgement.substitutes)
    return Inspected((*read.violations, *judgement.faults), judgement.lookups, read.content, query)


def faults_of(reading: Reading, **bounds: Value) -> list[Fault]:
    """Return what is wrong with what was read by what a grant says."""
    return [*reading.violations, *judge_claims(conditions_of(bounds), reading.claims).faults]


def admits(word: str, value: Value, claimed: Hashable) -> bool:
    """Whether what a grant says by a word admits what a request asks for."""
    return Condition(CONSTRAINTS[word], value).matches(claimed)


def claimed(request: CanonicalRequest, word: str, found: ResolvedObject | None = None) -> Hashable:
    """Return what a head claims by a word; None if nothing certain."""
    [claim] = [
        claim
        for claim in reading_of_head(request, Known(found=found)).claims
        if claim.word == word and not claim.unless
    ]
    return claim.options[0][0] if claim.options else None


def keeps(request: CanonicalRequest, found: ResolvedObject | None = None, /, **bounds: Value) -> bool:
    """Whether the head of a request keeps to conditions."""
    return not judge_claims(conditions_of(bounds), reading_of_head(request, Known(found=found)).claims).faults
