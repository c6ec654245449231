"""`gpus`: the number of GPUs that a container may request, or `all`.

The engine's driver chooses the GPUs. If `nvidia` is the default runtime, its hook also reads variables of the container
and its image, and then adds GPUs without a request. No policy can see that.

Attacks: docs/attacks.md, policy/words/gpus.
"""

import re
from typing import Final

from dockerproxy.policy.claim import Object, Reading, objects_at
from dockerproxy.policy.words.limits import Amount
from dockerproxy.policy.words.spellings import read_count
from dockerproxy.wire.document import Json, list_of

_ALL: Final = 2**63 - 1
"""The number for all GPUs: more than a policy can express, and the highest that an engine reads."""

_IS_ID: Final = re.compile("[0-9]{1,3}|(?:GPU|MIG)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


class _Gpus(Amount):
    acts = False


def _read(text: str) -> int | None:
    return _ALL if text == "all" else read_count(text)


def _write(count: int) -> str:
    return "all" if count == _ALL else str(count)


def check_gpus(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """GPUs of the engine's own driver, by number or IDs."""
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
        wanted = _ALL if total < 0 else min(total, _ALL)  # Several requests may add up to more.
        reading.claim("gpus", wanted, path, "all" if wanted == _ALL else wanted, "more GPUs than a rule allows")


_SUMMARY: Final = "how many GPUs it may get, or all; without it none"
WORDS: Final = (_Gpus("gpus", _SUMMARY, _read, "a whole number above 0 is needed, or all", _write),)
CHECKS: Final = (check_gpus,)
