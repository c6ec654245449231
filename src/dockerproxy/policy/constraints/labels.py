"""`labels`: the labels that are put on what is made."""

from collections.abc import Hashable

from dockerproxy.policy.claim import Claim, Substitute
from dockerproxy.policy.constraints.base import Condition, Constraint, Matcher
from dockerproxy.policy.values import Pairs, Takes, Value
from dockerproxy.wire.document import Json, show


class _Labels(Constraint):
    takes = Takes.TEXTS
    acts = True

    def matcher(self, granted: Value) -> Matcher:
        """Match labels that do not contradict those that are put on."""
        return lambda value: not _find_contradiction(granted, value)

    def judge(self, condition: Condition, claim: Claim) -> Substitute:
        """Put the labels on."""
        for value, substitute in claim.options:
            if condition.matches(value) and isinstance(value, Pairs) and isinstance(condition.value, Pairs):
                pairs = (*value.items, *condition.value.items)
                put: dict[str, Json] = {name: text for name, text in pairs if isinstance(text, str)}
                return put if claim.target else substitute
        return None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return the labels. A value that is not kept is a list, and so none of a rule."""
        return (least,)

    def within(self, inner: Value, outer: Value) -> bool:
        """Whether the inner one puts on all that the outer one does."""
        if not isinstance(inner, Pairs) or not isinstance(outer, Pairs):
            return False
        return set(outer.items) <= set(inner.items)

    def problem(self, granted: Value | None, claim: Claim) -> str:
        return _find_contradiction(granted, claim.options[0][0]) if claim.options else claim.says


def _find_contradiction(granted: Value | None, value: object) -> str:
    """Say which of the client's labels is not what the grant puts on; empty if none is.

    Podman takes all behind the first `=` of a name for the value.
    """
    if not isinstance(granted, Pairs) or not isinstance(value, Pairs):
        return "are not valid labels"
    given, put = dict(value.items), dict(granted.items)
    for name, text in put.items():
        if given.get(name, text) != text:
            own = given[name]
            said = f"{show(name)} as {show(own)}" if isinstance(own, str) else show(name)
            return f"has {said}, but the rule sets {show(str(text))}"
    for name in given:
        if "=" in name and name.partition("=")[0] in put:
            return f"has {show(name)}, which could be mistaken for a label of the rule"
    return ""


CONSTRAINT = _Labels("labels", "labels that are put on it; it may not have others of these names", narrows=True)
