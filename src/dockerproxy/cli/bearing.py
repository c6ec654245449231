"""What bears on a request: each grant and denial of its operation, and what would turn the decision."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dockerproxy.api.catalog import HEALTH, Operation
from dockerproxy.cli.trying import Tried
from dockerproxy.policy.model import Condition, Grant, Policy
from dockerproxy.policy.narrowest import find_narrowest
from dockerproxy.policy.vocabulary import Takes, find_words
from dockerproxy.policy.wording import list_names, write_grant

Line = tuple[str, str]
"""A label and a text; the label is empty where the text belongs to the line before."""


def list_bearing(policy: Policy, tried: Tried) -> Iterator[Line]:
    """Say which grants and denials speak of a request's operation, and which of their conditions it keeps to."""
    operation = tried.request.operation
    if operation is None or operation is HEALTH:
        return
    grants = _grants_of(policy, operation.name)
    for grant in grants:
        yield "grant", grant.source
        for condition in grant.conditions:
            if condition.holds(tried.request, tried.found):
                yield "", f"yes  {condition}"
            else:
                yield "", f"no   {condition}{_explain(condition, tried, operation)}"
    if not grants:
        yield "grant", "none speaks of it"
    for denial in policy.denials:
        if operation.name in denial.operations:
            yield "denial", denial.source.removeprefix("deny ")


def find_change(policy: Policy, tried: Tried, socket: str, file: str) -> Iterator[Line]:
    """Say what to write in a policy file to turn the decision, so that the file has no mistake then.

    Args:
        policy: Of the socket.
        tried: The request.
        socket: Its name.
        file: The policy file.
    """
    operation = tried.request.operation
    if operation is None or operation is HEALTH:
        return
    where = f"of the socket {socket} in {file}"
    grants = _grants_of(policy, operation.name)
    if tried.decision.allowed:
        yield from _find_refusal(policy, tried, operation, where)
    elif not any(_keeps_to(grant, tried) for grant in grants):
        denied = any(operation.name in denial.operations for denial in policy.denials)
        does = "is needed too" if denied else "would allow it"
        narrowest = find_narrowest(tried.request, tried.found)
        named = [grant.source for grant in grants if grant.source.partition(" ")[0] == operation.name]
        if named and not narrowest:  # Beside a line without conditions, theirs would restrict nothing.
            yield "change", f"taking the conditions of {list_names(named, 'and')} away in allow {where} {does}"
        else:
            yield "change", f"this line in allow {where} {does}:"
            yield "", f"- {write_grant(operation.name, narrowest)}"


def _find_refusal(policy: Policy, tried: Tried, operation: Operation, where: str) -> Iterator[Line]:
    """Say what to write to have an operation refused: a denial, or less where a denial would leave a grant nothing."""
    grants = _grants_of(policy, operation.name)
    alone = list(dict.fromkeys(grant.source for grant in grants if _covers_only(policy, grant.source, operation.name)))
    holding = list(dict.fromkeys(grant.source for grant in grants if _keeps_to(grant, tried)))
    if set(holding) <= set(alone):
        yield "change", f"taking {list_names(holding, 'and')} out of allow {where} would refuse it"
        return
    besides = f"taking {list_names(alone, 'and')} out of allow, and " if alone else ""
    yield "change", f"{besides}this line in deny {where} would refuse it:"
    yield "", f"- {operation.name}"


def _covers_only(policy: Policy, source: str, name: str) -> bool:
    """Whether a line of `allow` grants one operation and no other, but for those that are denied."""
    granted = frozenset[str]().union(*(grant.operations for grant in policy.grants if grant.source == source))
    return granted.difference(*(denial.operations for denial in policy.denials)) == {name}


def _grants_of(policy: Policy, name: str) -> list[Grant]:
    return [grant for grant in policy.grants if name in grant.operations]


def _keeps_to(grant: Grant, tried: Tried) -> bool:
    return all(condition.holds(tried.request, tried.found) for condition in grant.conditions)


def _explain(condition: Condition, tried: Tried, operation: Operation) -> str:
    """Say what a request has instead of what a condition demands, as the end of a line; nothing if no more is known."""
    request, word = tried.request, find_words(operation)[condition.word]
    if condition.needs_object:
        return _explain_object(condition, tried)
    if word.takes is Takes.CHOICE:
        return ""
    if word.takes is Takes.ITEMS:
        read = word.read(request)
    else:
        read = next((text for text, flag in _FLAGS if word.make(flag).holds(request, None)), "")
    return f": it is {read}" if read else ": the request does not say, or not so that all engines read it alike"


_FLAGS: Final = (("true", True), ("false", False))


def _explain_object(condition: Condition, tried: Tried) -> str:
    found = tried.found
    if found is None:
        return ": which one it is cannot be known"
    if condition.holds(replace(tried.request, query=()), found):
        return ": with this query an engine would act on others too"
    return f": it is {list_names(found.names, 'and')}"
