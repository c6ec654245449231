"""`extra_hosts`: the names that a container may have in its own list of hosts, and their addresses. Without it any.

Attack: several names in front of one address, which Podman parts at `;` and a swarm at blanks -> Defence: each is
judged by itself (test: test_each_name_in_front_of_an_address_is_judged).
Attack: an end of a line in a name, or a sign by which engines part them otherwise -> Defence: a name has letters,
digits, dots, dashes and underscores (test: test_what_is_no_name_or_no_address_is_denied).
Attack: a name in capitals, or an address in another spelling -> Defence: both are compared in one spelling
(test: test_names_and_addresses_have_one_spelling).
Attack: `host-gateway`, the address of the host -> Defence: it is compared as that word.
"""

import re
from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.amounts import read_address
from dockerproxy.policy.claim import Check, Object, Reading, items_at
from dockerproxy.policy.constraints.base import Globs
from dockerproxy.policy.values import Value, items_of
from dockerproxy.text import lower
from dockerproxy.wire.document import Json

_WORD: Final = "extra_hosts"
_IS_NAME: Final = re.compile(r"[a-z0-9_.-]+").fullmatch
_WORDS: Final = re.compile(r"[^ \t]+").findall
_GATEWAY: Final = "host-gateway"


class _Hosts(Globs):
    is_learned = False
    may_be_empty = True

    def fault(self, item: str) -> str:
        name, _, address = item.partition(":")
        return "" if name and address else "a name and an address are needed, like db:10.9.0.2 or db:*"

    def patterns(self, granted: Value) -> tuple[str, ...]:
        return tuple(map(_spell, items_of(granted)))

    def least(self, value: Hashable) -> Value | None:
        return super().least(value) if isinstance(value, str) and not self.fault(value) else None


def _spell(text: str) -> str:
    name, colon, address = lower(text).partition(":")
    return f"{name}{colon}{read_address(address) or address}"


def _claim(reading: Reading, names: list[str], address: str, path: str, shown: str) -> None:
    known = lower(address) == _GATEWAY or read_address(address) is not None
    for name in names or [""]:
        is_certain = known and _IS_NAME(lower(name)) is not None
        value = _spell(f"{name}:{address}") if is_certain else None
        says = "a host name that no rule allows" if is_certain else "not a valid name with an address"
        reading.claim(_WORD, value, path, shown, says)


def _check(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Names with an address each."""
    for where, item in items_at(value, path) or ([(path, value)] if value else []):
        names, _, address = str(item).partition(":")
        _claim(reading, names.split(";"), address, where, str(item))


def _check_service(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Lines of /etc/hosts: an address with names."""
    for where, line in items_at(value, path):
        address, *names = _WORDS(str(line)) or [""]
        _claim(reading, names, address, where, str(line))


CONSTRAINT = _Hosts(
    _WORD,
    "which names with their addresses it may have in /etc/hosts, as globs like db:10.9.*; [] is none",
    narrows=True,
)

READS: Final[dict[tuple[str, str], Check]] = {
    ("ContainerCreate", "HostConfig.ExtraHosts[]"): _check,
    ("ImageBuild", "?extrahosts"): _check,
    ("ServiceCreate ServiceUpdate", "TaskTemplate.ContainerSpec.Hosts[]"): _check_service,
}
