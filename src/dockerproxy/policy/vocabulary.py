"""Which conditions an operation can bear: the one table that the policy file, its schema and learning read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.bodies.addressing import read_network
from dockerproxy.policy.bodies.amounts import read_billionths, read_count, read_size
from dockerproxy.policy.bodies.checks import find_bounds
from dockerproxy.policy.bodies.containing import capability_name
from dockerproxy.policy.bodies.mounting import split_mode
from dockerproxy.policy.bodies.registries import is_server
from dockerproxy.policy.conditions import (
    Bound,
    Flag,
    NamesNoBuilder,
    NamesNoHost,
    NamesObject,
    OneOf,
    PathIn,
    PullsFrom,
    clean_path,
    normalise_signal,
)
from dockerproxy.policy.model import Condition, Value
from dockerproxy.policy.objects import KINDS, WORDS
from dockerproxy.policy.references import fault_of_pattern


class Takes(StrEnum):
    """What a policy file writes as a condition's value."""

    FLAG = "true or false"
    ITEMS = "a list"
    CHOICE = "one word"
    AMOUNT = "an amount"
    TEXTS = "names, each with a text"
    LISTS = "a list of lists"
    PORTS = "ports and addresses"


@dataclass(frozen=True, slots=True)
class Word:
    """A condition that an operation can bear.

    Attributes:
        name: What a policy file calls it.
        takes: What its value is.
        says: What it demands, in a phrase.
        make: Makes the condition from a faultless value.
        read: Says which item a list must have for a request to keep to it; nothing if none would do. What an object is
            called, only the engine can say.
        fault: Says why an item of a list can never match, or nothing.
        choices: The values of a choice.
        of_body: Whether it is about what only the body says, or what only the engine knows of it.
    """

    name: str
    takes: Takes
    says: str
    make: Callable[[Value], Condition]
    read: Callable[[CanonicalRequest], str] = lambda _: ""
    fault: Callable[[str], str] = lambda item: "" if item else "nothing is called that"
    choices: tuple[str, ...] = ()
    of_body: bool = False


_OBJECT_NAME: Final = re.compile(r"[A-Za-z0-9_.*?-]+")
"""What a name of a container, network, volume, service or pod can be made of, and the signs of a glob."""


def _fault_of_name(item: str) -> str:
    if _OBJECT_NAME.fullmatch(item):
        return ""
    return "no object has such a name: letters, digits and _ . - are in one, * and ? in a pattern"


def _fault_of_path(item: str) -> str:
    filled = item.replace("*", "x").replace("?", "x")
    if filled and clean_path(filled) == filled:
        return ""
    return "not a clean absolute path, like /data/**"


def _fault_of_signal(item: str) -> str:
    return "" if re.fullmatch(r"[A-Z0-9+-]+", normalise_signal(item)) else "not a signal, like HUP"


def _items(value: Value) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, tuple) else (str(value),)


def _object_word(name: str) -> Word:
    fault = fault_of_pattern if name == "images" else _fault_of_name
    says = f"which {name}, by name, glob or full id"
    if name == "images":
        says = "which images, by reference, glob or full id; references are normalised as Docker does"
    return Word(name, Takes.ITEMS, says, lambda value: NamesObject(name, _items(value)), fault=fault)


def _flag(name: str, says: str, parameter: str, *, absent: bool | None, also: str = "") -> Word:
    return Word(name, Takes.FLAG, says, lambda value: Flag(name, value is True, parameter, absent=absent, also=also))


_FOLLOW: Final = _flag("follow", "whether the answer goes on as more is printed", "follow", absent=False)
_STREAM: Final = _flag("stream", "whether the answer goes on, a line a second", "stream", absent=True)
_FORCE: Final = _flag("force", "whether what is in use goes too", "force", absent=False)
_FORCE_FURTHER: Final = _flag(
    "force", f"{_FORCE.says}; Podman then deletes the containers that use it", "force", absent=False
)
_VOLUMES: Final = _flag("remove_volumes", "whether its unnamed volumes go too", "v", absent=False)
_VOLUMES_LIBPOD: Final = _flag("remove_volumes", _VOLUMES.says, "volumes", absent=False, also="v")
_STDIN: Final = _flag(
    "stdin",
    "whether the client can type into it; a request has to say so or not, for engines differ where it says nothing",
    "stdin",
    absent=None,
)
_SHOWSECRET: Final = _flag("showsecret", "whether Podman shows the secret's value", "showsecret", absent=False)
_PATH: Final = Word(
    "path",
    Takes.ITEMS,
    "which paths in the container, as they are spelled; links in there are followed by the engine",
    lambda value: PathIn(_items(value)),
    PathIn(()).read,
    _fault_of_path,
)
_SIGNAL: Final = Word(
    "signal",
    Takes.ITEMS,
    "which signals; none named is KILL",
    lambda value: OneOf("signal", _items(value), "signal", "KILL", normalise_signal),
    OneOf("signal", (), "signal", "KILL", normalise_signal).read,
    _fault_of_signal,
)
_PS_ARGS: Final = Word(
    "ps_args",
    Takes.ITEMS,
    "which arguments of ps, word for word; none given is -ef",
    lambda value: OneOf("ps_args", _items(value), "ps_args", "-ef"),
    OneOf("ps_args", (), "ps_args", "-ef").read,
)


def _from(parameter: str) -> Word:
    return Word(
        "from",
        Takes.ITEMS,
        "from where an image is pulled: references and globs, normalised as Docker does; nothing is imported",
        lambda value: PullsFrom(_items(value), parameter),
        PullsFrom((), parameter).read,
        fault_of_pattern,
    )


def _registries(parameter: str, *, namespaces: bool) -> Word:
    return Word(
        "registries",
        Takes.CHOICE,
        "only the registry that the engine is configured for is asked",
        lambda _: NamesNoHost(parameter, namespaces),
        choices=("default",),
    )


_BUILDERS: Final = Word(
    "buildx_builders",
    Takes.CHOICE,
    "the name is none of the privileged containers that buildx starts by itself",
    lambda _: NamesNoBuilder(),
    choices=("none",),
)

_QUERY_WORDS: Final[tuple[tuple[str, tuple[Word, ...]], ...]] = (
    ("ContainerLogs ContainerLogsLibpod ServiceLogs TaskLogs", (_FOLLOW,)),
    ("ContainerStats ContainerStatsLibpod ContainersStatsAllLibpod", (_STREAM,)),
    ("ContainerArchive ContainerArchiveInfo PutContainerArchive", (_PATH,)),
    ("ContainerArchiveLibpod ContainerArchiveInfoLibpod PutContainerArchiveLibpod", (_PATH,)),
    ("ContainerDelete", (_FORCE, _VOLUMES)),
    ("ContainerDeleteLibpod", (_FORCE, _VOLUMES_LIBPOD)),
    ("ImageDelete ImageDeleteLibpod VolumeDeleteLibpod", (_FORCE_FURTHER,)),
    ("VolumeDelete", (_FORCE,)),
    ("ContainerAttach ContainerAttachLibpod", (_STDIN,)),
    ("ContainerKill ContainerKillLibpod PodKillLibpod", (_SIGNAL,)),
    ("ContainerTop", (_PS_ARGS,)),
    ("SecretInspect SecretInspectLibpod", (_SHOWSECRET,)),
    ("ContainerCreate", (_BUILDERS,)),
    ("ImageCreate", (_from("fromImage"),)),
    ("ImagePullLibpod", (_from("reference"),)),
    ("ImageSearch ImageSearchLibpod", (_registries("term", namespaces=False),)),
    ("GetPluginPrivileges", (_registries("remote", namespaces=True),)),
)

_OBJECT_WORDS: Final = {name: _object_word(name) for name in dict.fromkeys(WORDS.values())}


def _bound(name: str, takes: Takes, says: str, fault: Callable[[str], str], *choices: str) -> Word:
    return Word(name, takes, says, lambda value: Bound(name, value), fault=fault, choices=choices, of_body=True)


def _fault_of_bind(item: str) -> str:
    return _fault_of_path(split_mode(item)[0])


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


_BOUND_WORDS: Final = {
    word.name: word
    for word in (
        _bound("names", Takes.ITEMS, "what it may be called; one of these names must be given", _fault_of_name),
        _bound("images", Takes.ITEMS, _object_word("images").says, fault_of_pattern),
        _bound("tags", Takes.ITEMS, "which names an image may be given, as references and globs", fault_of_pattern),
        _bound(
            "binds",
            Takes.ITEMS,
            "which directories and files of the host may be mounted, `:ro` behind one only to read; links on the host"
            " cannot be seen from here",
            _fault_of_bind,
        ),
        _bound("volumes", Takes.ITEMS, "which volumes may be mounted, by name or glob", _fault_of_name),
        _bound(
            "networks",
            Takes.ITEMS,
            "which networks may be joined; without it the engine's own, and `none` in any case",
            _fault_of_name,
        ),
        _bound("containers", Takes.ITEMS, _object_word("containers").says, _fault_of_name),
        _bound(
            "pods", Takes.ITEMS, "which pods may be joined, with all that they share; none on the host", _fault_of_name
        ),
        _bound("subnets", Takes.ITEMS, "within which networks its addresses may be", _fault_of_subnet),
        _bound("servers", Takes.ITEMS, "to which registries credentials may be sent", _fault_of_server),
        _bound("secrets", Takes.ITEMS, "which secrets may be read, by name or glob", _fault_of_name),
        _bound("configs", Takes.ITEMS, "which configs of a swarm may be read, by name or glob", _fault_of_name),
        _bound(
            "joins", Takes.ITEMS, "of which containers the network, processes and memory may be joined", _fault_of_name
        ),
        _bound("publish", Takes.PORTS, "which ports of the host may be opened, and on which addresses", _anything),
        _bound("add_capabilities", Takes.ITEMS, "which capabilities may be added", _fault_of_capability),
        _bound("memory", Takes.AMOUNT, "how much memory at most, and that it must be bounded", _fault_of_size),
        _bound("cpus", Takes.AMOUNT, "how many processors at most, and that it must be bounded", _fault_of_cpus),
        _bound("pids", Takes.AMOUNT, "how many processes at most, and that it must be bounded", _fault_of_count),
        _bound(
            "user",
            Takes.CHOICE,
            "whether it may run as root; if not, numbers that are not 0 must be given",
            _anything,
            "not-root",
            "any",
        ),
        _bound(
            "no_new_privileges", Takes.CHOICE, "set-user-id programs must be kept from working", _anything, "required"
        ),
        _bound("labels", Takes.TEXTS, "labels that are put on it; it may not have others of these names", _anything),
        _bound(
            "commands",
            Takes.LISTS,
            "which commands may run, word for word with globs; ** at the end is any more words",
            _anything,
        ),
    )
}
"""Conditions on bodies. Which operation bears which, the checks of its table say."""


def _words_of(name: str) -> Mapping[str, Word]:
    words = [_BOUND_WORDS[word] for word in find_bounds(BODIES[name])] if name in BODIES else []
    words += [_OBJECT_WORDS[WORDS[KINDS[name]]]] if name in KINDS else []
    words += [word for names, those in _QUERY_WORDS if name in names.split() for word in those]
    return {word.name: word for word in words}


_WORDS: Final[Mapping[str, Mapping[str, Word]]] = {name: _words_of(name) for name in OPERATIONS}

ALL_WORDS: Final[Mapping[str, Word]] = {name: word for words in _WORDS.values() for name, word in words.items()}
"""Every condition there is; which operation bears it, `find_words` says."""


def find_words(operation: Operation) -> Mapping[str, Word]:
    """Return the conditions that an operation can bear, by their names."""
    return _WORDS[operation.name]
