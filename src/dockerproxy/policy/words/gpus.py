"""`gpus`: how many GPUs a container may get by device requests, or `all`.

The driver of the engine picks the GPUs. If `nvidia` is the default runtime of an engine, its hook also reads variables
of the container and its image. It then gives GPUs without any request, and no policy can see that.

Attacks: docs/attacks.md, policy/words/gpus.
"""

import re
from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.amounts import read_count
from dockerproxy.policy.claim import Object, Reading, objects_at
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Constraint, Matcher
from dockerproxy.wire.document import Json, list_of

_ALL: Final = "all"
_IS_ID: Final = re.compile("[0-9]{1,3}|(?:GPU|MIG)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


class _Gpus(Constraint):
    """Values of claims are `all`, or how many."""

    takes = Takes.AMOUNT

    def fault(self, item: str) -> str:
        return "" if item == _ALL or read_count(item) else "a whole number above 0 is needed, or all"

    def matcher(self, granted: Value) -> Matcher:
        """Match no more than are granted."""
        most = read_count(granted) or 0 if isinstance(granted, str) and granted != _ALL else 0
        return lambda value: value is not None and (granted == _ALL or (isinstance(value, int) and 0 < value <= most))

    def least(self, value: Hashable) -> Value | None:
        """Write the number."""
        return str(value) if value == _ALL or isinstance(value, int) else None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        return (read_count(least) or _ALL,) if isinstance(least, str) else ()

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare the numbers."""
        return outer == _ALL or (isinstance(inner, str) and self.matcher(outer)(read_count(inner)))


def check_gpus(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """GPUs, by their number or IDs, of the engine's own driver."""
    total = 0
    for where, request in objects_at(value, path):
        ids, count = list_of(request.get("DeviceIDs")), request.get("Count") or 0
        if request.get("Driver") not in (None, "", "nvidia"):
            reading.violate(f"{where}.Driver", request["Driver"], "not nvidia: it may name any device")
        elif request.get("Capabilities") != [["gpu"]]:
            reading.violate(f"{where}.Capabilities", request.get("Capabilities"), "not [[gpu]]")
        elif request.get("Options"):
            reading.violate(f"{where}.Options", None, "are not allowed: the driver may do anything with them")
        elif not all(_IS_ID(str(each)) for each in ids):
            reading.violate(f"{where}.DeviceIDs", ids, "not numbers or whole UUIDs of GPUs")
        elif not isinstance(count, int) or count < -1 or bool(ids) == bool(count):
            reading.violate(f"{where}.Count", request.get("Count"), "not -1 or above 0, or beside DeviceIDs")
        else:
            total = -1 if -1 in (total, count) else total + count + len(ids)
    if total:
        wanted = _ALL if total < 0 else total
        reading.claim("gpus", wanted, path, wanted, "more GPUs than a rule allows")


WORDS: Final = (_Gpus("gpus", "how many GPUs it may get, or all; without it none"),)
CHECKS: Final = (check_gpus,)
