"""`signal`: the signals that may be sent."""

import re

from dockerproxy.policy.constraints.base import Items
from dockerproxy.policy.words import normalise_signal


class _Signal(Items):
    def fault(self, item: str) -> str:
        return "" if re.fullmatch(r"[A-Z0-9+-]+", normalise_signal(item)) else "not a signal, like HUP"

    def spell(self, item: str) -> str:
        return normalise_signal(item)


CONSTRAINT = _Signal("signal", "which signals; none named is KILL", narrows=True)
