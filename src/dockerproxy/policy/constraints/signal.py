"""`signal`: the signals that may be sent."""

import re

from dockerproxy.policy.constraints.base import Globs, Matcher
from dockerproxy.policy.values import Value, items_of
from dockerproxy.policy.words import normalise_signal


class _Signal(Globs):
    def fault(self, item: str) -> str:
        """Return why an item is no signal."""
        return "" if re.fullmatch(r"[A-Z0-9+-]+", normalise_signal(item)) else "not a signal, like HUP"

    def matcher(self, granted: Value) -> Matcher:
        """Match a signal by its name."""
        return frozenset(map(normalise_signal, items_of(granted))).__contains__

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare the signals."""
        return all(map(self.matcher(outer), map(normalise_signal, items_of(inner))))


CONSTRAINT = _Signal("signal", "which signals; none named is KILL", narrows=True)
