"""`changes`: the settings of a container that an update may change, in groups. Without it all that a table lets pass.

Attack: a setting that belongs to no group -> Defence: there is no such field, or the proxy does not start
(test: test_each_field_of_an_update_belongs_to_a_group).
Attack: a value that means nothing in one field and something in another: 0, or an empty text -> Defence: 0 is nothing
only where engines leave the setting as it is (test: test_only_what_engines_leave_alone_is_no_change).
"""

from collections.abc import Iterator
from typing import Final

from dockerproxy.api.bodies.tables import LINES
from dockerproxy.policy.claim import Check, Object, Reading
from dockerproxy.policy.constraints.base import Words
from dockerproxy.text import lower
from dockerproxy.wire.document import Json

_WORD: Final = "changes"

_GROUPS: Final = {
    "cpus": "cpupercent cpushares cpuperiod cpuquota cpusetcpus cpusetmems nanocpus cpucount",
    "memory": "memory memoryreservation memoryswap memoryswappiness kernelmemory kernelmemorytcp",
    "pids": "pidslimit",
    "io": "blkioweight diskquota iomaximumiops iomaximumbandwidth",
    "limits": "ulimits",
    "restart": "restartpolicy",
    "init": "init",
}
"""By the field at the top, in lower case."""

_OF: Final = {name: group for group, names in _GROUPS.items() for name in names.split(" ")}

_ZERO_COUNTS: Final = frozenset({"PidsLimit", "MemorySwappiness", "Init"})
"""Fields that are not there if they are null, and say something if they are 0 or false."""

_CLOSED: Final = frozenset({"unset", "absent", "part", "aside"})


def _check_of(group: str, *, zero: bool) -> Check:
    """Return what claims a change of a group."""

    def check(reading: Reading, value: Json, path: str, _parent: Object) -> None:
        """Must be of a group that may be changed."""
        if _says(value) and (value or zero):
            reading.claim(_WORD, group, path, value, f"a change of {group} that no rule allows")

    return check


def _says(value: Json) -> bool:
    """Whether a value is more than an empty list or object."""
    if isinstance(value, dict):
        return any(map(_says, value.values()))
    return value is not None and value != []


class _Changes(Words):
    may_be_empty = True


CONSTRAINT = _Changes(_WORD, "which groups of settings may be changed, like memory; [] is none", tuple(_GROUPS))


def group_of(path: str) -> str:
    """Return the group of a field of an update."""
    return _OF[lower(path).partition(".")[0].removesuffix("[]")]


def _list_reads() -> Iterator[tuple[tuple[str, str], Check]]:
    for each in LINES["ContainerUpdate"][1]:
        if each.rule not in _CLOSED:
            yield ("ContainerUpdate", each.path), _check_of(group_of(each.path), zero=each.path in _ZERO_COUNTS)


READS: Final[dict[tuple[str, str], Check]] = dict(_list_reads())
