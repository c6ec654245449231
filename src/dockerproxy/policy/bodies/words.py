"""Conditions on bodies: each a line that says whether it narrows what is let through or widens it, and what it takes.

Which operation bears which follows from the checks of its table.
"""

import re
from collections.abc import Callable
from typing import Final

from dockerproxy.policy.bodies.addressing import read_network
from dockerproxy.policy.bodies.amounts import read_billionths, read_count, read_size
from dockerproxy.policy.bodies.containing import capability_name
from dockerproxy.policy.bodies.mounting import split_mode
from dockerproxy.policy.bodies.registries import is_server
from dockerproxy.policy.conditions import Bound
from dockerproxy.policy.references import fault_of_pattern
from dockerproxy.policy.words import Takes, Word, fault_of_name, fault_of_path, which

_OF_HOST: Final = frozenset({"host", "slirp4netns", "pasta"})
"""What engines take for the host's network, or for one in which a process there sends for the container."""

_NAMESPACE: Final = re.compile("(container|service|pod|ns|host):.*", re.DOTALL)


def _narrowing(name: str, takes: Takes, says: str, fault: Callable[[str], str], *choices: str) -> Word:
    """Make a condition without which anything is let through."""
    return Word(name, takes, says, lambda value: Bound(name, value), fault=fault, choices=choices, of_body=True)


def _widening(name: str, takes: Takes, says: str, fault: Callable[[str], str]) -> Word:
    """Make a condition without which nothing is let through, or less."""
    return Word(name, takes, says, lambda value: Bound(name, value), fault=fault, of_body=True, narrows=False)


def _fault_of_bind(item: str) -> str:
    return fault_of_path(split_mode(item)[0])


def _fault_of_network(item: str) -> str:
    if item in _OF_HOST:
        return "the host's network is for unrestricted grants"
    if _NAMESPACE.fullmatch(item):
        return "a namespace is no network; joins says of which containers it may be joined"
    return fault_of_name(item)


def _fault_of_capability(item: str) -> str:
    named = re.fullmatch(r"[A-Z_]+", capability_name(item))
    return "" if named else "not a capability, like NET_BIND_SERVICE"


def _fault_of_size(item: str) -> str:
    return "" if read_size(item) else "an amount like 512MiB or 2GiB is needed"


def _fault_of_cpus(item: str) -> str:
    return "" if read_billionths(item) else "a number of processors like 2 or 0.5 is needed"


def _fault_of_count(item: str) -> str:
    return "" if read_count(item) else "a whole number above 0 is needed"


def _fault_of_subnet(item: str) -> str:
    return "" if read_network(item) else "a network like 10.9.0.0/16 is needed"


def _fault_of_server(item: str) -> str:
    return "" if is_server(item) else "the host of a registry is needed, like registry.example:5000"


def _anything(_: str) -> str:
    return ""


_ITEMS: Final = Takes.ITEMS

BOUND_WORDS: Final = {
    word.name: word
    for word in (
        _narrowing("names", _ITEMS, "what it may be called; one of these names must be given", fault_of_name),
        _narrowing("images", _ITEMS, which("images"), fault_of_pattern),
        _widening("tags", _ITEMS, "which names an image may be given, as references and globs", fault_of_pattern),
        _widening(
            "binds",
            _ITEMS,
            "which directories and files of the host may be mounted, `:ro` behind one only to read; links on the host"
            " cannot be seen from here",
            _fault_of_bind,
        ),
        _widening("volumes", _ITEMS, "which volumes may be mounted, by name or glob", fault_of_name),
        _widening(
            "networks",
            _ITEMS,
            "which networks may be joined; without it the engine's own, and `none` in any case",
            _fault_of_network,
        ),
        _narrowing("containers", _ITEMS, which("containers"), fault_of_name),
        _widening(
            "pods", _ITEMS, "which pods may be joined, with all that they share; none on the host", fault_of_name
        ),
        _widening("subnets", _ITEMS, "within which networks its addresses may be", _fault_of_subnet),
        _widening("servers", _ITEMS, "to which registries credentials may be sent", _fault_of_server),
        _widening("secrets", _ITEMS, "which secrets may be read, by name or glob", fault_of_name),
        _widening("configs", _ITEMS, "which configs of a swarm may be read, by name or glob", fault_of_name),
        _widening(
            "joins", _ITEMS, "of which containers the network, processes and memory may be joined", fault_of_name
        ),
        _widening("publish", Takes.PORTS, "which ports of the host may be opened, and on which addresses", _anything),
        _widening("add_capabilities", _ITEMS, "which capabilities may be added", _fault_of_capability),
        _narrowing("memory", Takes.AMOUNT, "how much memory at most, and that it must be bounded", _fault_of_size),
        _narrowing("cpus", Takes.AMOUNT, "how many processors at most, and that it must be bounded", _fault_of_cpus),
        _narrowing("pids", Takes.AMOUNT, "how many processes at most, and that it must be bounded", _fault_of_count),
        _narrowing(
            "user",
            Takes.CHOICE,
            "whether it may run as root; if not, numbers of a user and a group must be given, like 1000:1000",
            _anything,
            "not-root",
            "any",
        ),
        _narrowing(
            "no_new_privileges", Takes.CHOICE, "set-user-id programs must be kept from working", _anything, "required"
        ),
        _narrowing(
            "labels", Takes.TEXTS, "labels that are put on it; it may not have others of these names", _anything
        ),
        _narrowing(
            "commands",
            Takes.LISTS,
            "which commands may run, word for word with globs; ** at the end is any more words; no variables and no"
            " directory may be set besides",
            _anything,
        ),
    )
}
"""Conditions on bodies, by their names."""
