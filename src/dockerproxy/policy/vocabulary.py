"""Which conditions an operation can bear: the one table that the policy file, its schema and learning read."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import HEALTH, OPERATIONS, UNKNOWN, Operation
from dockerproxy.policy.bodies.checks import find_bounds
from dockerproxy.policy.bodies.words import BOUND_WORDS
from dockerproxy.policy.conditions import (
    Flag,
    NamesNoBuilder,
    NamesNoHost,
    NamesObject,
    OneOf,
    PathIn,
    PullsFrom,
    normalise_signal,
)
from dockerproxy.policy.model import Value
from dockerproxy.policy.objects import KINDS, WORDS
from dockerproxy.policy.references import fault_of_pattern
from dockerproxy.policy.words import Takes, Word, fault_of_name, fault_of_path, which


def _fault_of_signal(item: str) -> str:
    return "" if re.fullmatch(r"[A-Z0-9+-]+", normalise_signal(item)) else "not a signal, like HUP"


def _items(value: Value) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, tuple) else (str(value),)


def _object_word(name: str) -> Word:
    fault = fault_of_pattern if name == "images" else fault_of_name
    return Word(name, Takes.ITEMS, which(name), lambda value: NamesObject(name, _items(value)), fault=fault)


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
    fault_of_path,
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


def _words_of(name: str) -> Mapping[str, Word]:
    bounds = find_bounds(BODIES[name]) if name in BODIES else ()
    words = [BOUND_WORDS[word] for word in bounds]
    if name in KINDS:
        word = _OBJECT_WORDS[WORDS[KINDS[name]]]
        words.append(
            replace(word, narrows=word.name not in bounds)
        )  # Else it says of the body, too, what may be there.
    words += [word for names, those in _QUERY_WORDS if name in names.split() for word in those]
    return {word.name: word for word in words}


_WORDS: Final[Mapping[str, Mapping[str, Word]]] = {
    name: _words_of(name) for name in (*OPERATIONS, UNKNOWN.name, HEALTH.name)
}

ALL_WORDS: Final[Mapping[str, Word]] = {name: word for words in _WORDS.values() for name, word in words.items()}
"""Every condition there is; which operation bears it, `find_words` says."""


def find_words(operation: Operation) -> Mapping[str, Word]:
    """Return the conditions that an operation can bear, by their names."""
    return _WORDS[operation.name]
