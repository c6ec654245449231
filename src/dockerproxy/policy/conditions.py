"""Conditions on requests: what a grant may demand besides the operation.

How one would get past a condition on a parameter, and what stops it: the same name in other capitals, which only Podman
reads; a second value, of which Docker takes the first and Podman the last; a value that the two read differently. In
each case the request has no certain meaning, and the condition does not hold.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.globs import Glob
from dockerproxy.policy.model import Value
from dockerproxy.policy.objects import (
    GIVING,
    REACHING,
    SWITCHES,
    Found,
    certain_values,
    is_full_id,
    is_whole,
    join_reference,
    new_name,
)
from dockerproxy.policy.references import Reference, normalise_pattern, with_default_tag
from dockerproxy.policy.wording import list_names, say_value
from dockerproxy.text import number, upper

_NAMESPACE: Final = re.compile(r"[a-z0-9_-]+")
"""In a reference, a first part with a capital is a host too (distribution/reference, splitDockerDomain)."""

_FLAGS: Final = {
    **dict.fromkeys(("0", "false", "False", "FALSE"), False),
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True),
}
"""Values that Docker's BoolValue and Go's strconv.ParseBool, which Podman uses, read alike: `f` is true for Docker."""

_SIGNALS: Final = (
    *("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM"),
    *("TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF"),
    *("WINCH", "IO", "PWR", "SYS"),
)
"""Names of signals by their number from 1 on (signal(7), as on x86 and ARM)."""

_DIGITS: Final = 2
"""Of those numbers, without zeros in front."""

NAMING: Final = frozenset({"names", "tags"})
"""Conditions that say which names may be given: where one is there, the condition on the object need not cover it."""

_OF_SWARM: Final = frozenset({"services", "networks"})
"""Their ids may be of a form that names have too: 25 letters and digits."""


def _reads_as_true(value: str) -> bool | None:
    return _FLAGS.get(value)


@dataclass(frozen=True)
class NamesObject:
    """The object that the request names is one of some.

    Attributes:
        word: What kind of objects, in the plural.
        value: Names, globs or full ids; images as references, which are normalised as Docker does.
        beyond: Parameters with which the operation may act on more, since the grant itself speaks of them.
    """

    word: str
    value: tuple[str, ...]
    beyond: frozenset[str] = frozenset()
    needs_object: Literal[True] = True

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(_plain(text) for text in self.value if is_full_id(text) or self.word in _OF_SWARM)

    @cached_property
    def _globs(self) -> tuple[Glob, ...]:
        named = (text for text in self.value if not is_full_id(text))
        return tuple(Glob(normalise_pattern(text) if self.word == "images" else text) for text in named)

    def holds(self, request: CanonicalRequest, found: Found | None) -> bool:
        """Whether the object is one of those, and the operation acts on no other."""
        operation = request.operation.name
        if found is None or self._reaches_further(request, operation):
            return False
        if operation in GIVING and not self.beyond & NAMING and not self._covers(new_name(request)):
            return False
        if _plain(found.owner or found.id) in self._ids:
            return True
        return (all if found.every else any)(map(self._matches, found.names or (found.owner,)))

    def _covers(self, name: str) -> bool:
        return bool(name) and self._matches(name)

    def _matches(self, name: str) -> bool:
        return any(glob.matches(name) for glob in self._globs)

    def _reaches_further(self, request: CanonicalRequest, operation: str) -> bool:
        """Whether the engine would act on more than the object that is named, and the grant says nothing of that."""
        return any(
            value and not (name in SWITCHES and _reads_as_true(value) is False)
            for name in REACHING.get(operation, ())
            if name not in self.beyond
            for value in request.values(name)
        )

    def __str__(self) -> str:
        return f"the {self.word.removesuffix('s')} is {list_names(self.value)}"


def _plain(identity: str) -> str:
    """Return an id without the name of its algorithm, which Podman leaves out."""
    return identity.removeprefix("sha256:")


@dataclass(frozen=True)
class Flag:
    """A parameter that is true or false has this value.

    Attributes:
        word: What a policy file calls it.
        value: The value.
        parameter: Its name in the query.
        absent: What engines take it for where it is missing; None if not all of them for the same.
        also: Another name of it, which other versions of an engine read.
    """

    word: str
    value: bool
    parameter: str
    absent: bool | None
    also: str = ""
    needs_object: Literal[False] = False

    def holds(self, request: CanonicalRequest, found: Found | None) -> bool:
        """Whether every value of the parameter is certainly this one."""
        del found
        return all(self._is_certain(request, name) for name in filter(None, (self.parameter, self.also)))

    def _is_certain(self, request: CanonicalRequest, parameter: str) -> bool:
        values = certain_values(request, parameter)
        if values is None:
            return False
        return all(self._reads(value) is self.value for value in values) if values else self.absent is self.value

    def _reads(self, value: str) -> bool | None:
        if not value and self.absent is False:  # Podman takes an empty value for none at all.
            return False
        return _reads_as_true(value)

    def __str__(self) -> str:
        return f"{self.word} is {'true' if self.value else 'false'}"


@dataclass(frozen=True)
class OneOf:
    """A parameter is one of some words.

    Attributes:
        word: What a policy file calls it.
        value: The words.
        parameter: Its name in the query.
        absent: What the engine takes it for where it is missing or empty.
        normalise: Brings a spelling into one form.
    """

    word: str
    value: tuple[str, ...]
    parameter: str
    absent: str
    normalise: Callable[[str], str] = str
    needs_object: Literal[False] = False

    def holds(self, request: CanonicalRequest, found: Found | None) -> bool:
        """Whether the parameter is certainly one of the words."""
        del found
        return self.read(request) in set(map(self.normalise, self.value))

    def read(self, request: CanonicalRequest) -> str:
        """Return what the parameter certainly is; empty if that cannot be said."""
        values = certain_values(request, self.parameter)
        if values is None or len(values) > 1:
            return ""
        return self.normalise("".join(values) or self.absent)

    def __str__(self) -> str:
        return f"{self.word} is {list_names(self.value)}"


def normalise_signal(text: str) -> str:
    """Return the name of a signal without SIG; words that are none stay as they are."""
    known = number(text.lstrip("0"), _DIGITS)
    if known is not None and known <= len(_SIGNALS):
        return _SIGNALS[known - 1]
    return upper(text).removeprefix("SIG")


@dataclass(frozen=True)
class PathIn:
    """The path in a container is one of some, as it is spelled: what links in there point to cannot be seen from here.

    Attributes:
        value: Globs over absolute paths.
    """

    value: tuple[str, ...]
    word: Literal["path"] = "path"
    needs_object: Literal[False] = False

    def holds(self, request: CanonicalRequest, found: Found | None) -> bool:
        """Whether there is one path, clean and absolute, and it is one of those."""
        del found
        path = self.read(request)
        return bool(path) and any(Glob(text).matches(path) for text in self.value)

    def read(self, request: CanonicalRequest) -> str:
        """Return the path; empty if there is not exactly one, or it is not clean."""
        values = certain_values(request, "path")
        return clean_path(values[0]) if values is not None and len(values) == 1 else ""

    def __str__(self) -> str:
        return f"path is {list_names(self.value)}"


def clean_path(text: str) -> str:
    """Return an absolute path without the `/.` or `/` that `docker cp` may put at its end; empty if it is not clean."""
    if text[:1] == "/" and "/." not in text and "//" not in text and "\0" not in text:
        return text.removesuffix("/") or "/"  # As most are.
    path = (text.removesuffix("/.") if text.endswith("/.") else text.removesuffix("/")) or "/"
    segments = path.split("/")[1:]
    if path == "/" == text[:1]:
        return path
    return path if path[:1] == "/" and not {"", ".", ".."} & set(segments) and "\0" not in path else ""


@dataclass(frozen=True)
class PullsFrom:
    """The image to be pulled is one of some, by its normalised reference.

    Attributes:
        value: References and globs, which are normalised as Docker does.
        parameter: Of the query, where the reference is: `fromImage` for Docker, `reference` for Podman.
    """

    value: tuple[str, ...]
    parameter: str
    word: Literal["from"] = "from"
    needs_object: Literal[False] = False

    @cached_property
    def _globs(self) -> tuple[Glob, ...]:
        return tuple(Glob(normalise_pattern(text)) for text in self.value)

    def holds(self, request: CanonicalRequest, found: Found | None) -> bool:
        """Whether what is pulled is one image, or all tags of a name that one pattern covers; nothing is imported."""
        del found
        reference = self._read(request)
        if reference is None:
            return False
        if reference.tag or reference.digest:
            return any(glob.matches(str(reference)) for glob in self._globs)
        # A star at the end matches the rest of any tag, since tags have no slash.
        return any(glob.text.endswith("*") and glob.matches(f"{reference}:") for glob in self._globs)

    def read(self, request: CanonicalRequest) -> str:
        """Return the normalised reference of the image to be pulled; empty if there is not exactly one."""
        reference = self._read(request)
        return str(reference) if reference is not None and (reference.tag or reference.digest) else ""

    def _read(self, request: CanonicalRequest) -> Reference | None:
        """Return what is pulled; without a tag and digest it is every tag of the name."""
        images = certain_values(request, self.parameter) or ()
        tags = certain_values(request, "tag")
        others = any(request.values("fromsrc")) or any(request.values("repo"))
        every = any(value and _reads_as_true(value) is not False for value in request.values("alltags"))
        own = self.parameter == "reference"  # Podman's own, which knows no tag beside it.
        if len(images) != 1 or tags is None or len(tags) > 1 or others or (every and not own):
            return None
        reference = join_reference(images[0], "".join(tags))
        if reference is None or not own:
            return reference
        if any(tags) or not is_whole(images[0], reference) or (every and reference.digest):
            return None
        return replace(reference, tag="") if every else with_default_tag(reference)

    def __str__(self) -> str:
        return f"the image comes from {list_names(self.value)}"


@dataclass(frozen=True)
class NamesNoHost:
    """A parameter names no registry host, so that the engine asks the one it is configured for.

    Docker takes the first part of `host/name` for a host if it has a dot or a colon or is `localhost` (moby
    daemon/pkg/registry, splitReposSearchTerm). Podman's search takes whatever stands before the first slash
    (containers/common libimage/search.go), so there no slash may stand at all.

    Attributes:
        parameter: Name of the query parameter; every value is looked at.
        namespaces: Whether a plain word before a slash is a namespace of the configured registry.
    """

    parameter: str
    namespaces: bool
    word: Literal["registries"] = "registries"
    value: Literal["default"] = "default"
    needs_object: Literal[False] = False

    def holds(self, request: CanonicalRequest, found: Found | None) -> bool:
        """Whether no value of the parameter has a host."""
        del found
        return not any(self._has_host(value) for value in request.values(self.parameter))

    def _has_host(self, reference: str) -> bool:
        first, slash, _ = reference.partition("/")
        namespace = self.namespaces and _NAMESPACE.fullmatch(first) and first != "localhost"
        return bool(slash) and not namespace

    def __str__(self) -> str:
        return f"{self.parameter} names no registry host"


@dataclass(frozen=True)
class NamesNoBuilder:
    """The container to be created is none that BuildKit's client starts for itself.

    When a build finds no way to the engine's own builder, buildx falls back to a privileged container of its own,
    named `buildx_buildkit_` and the builder's name (buildx driver/docker-container), without being asked to.
    """

    word: Literal["buildx_builders"] = "buildx_builders"
    value: Literal["none"] = "none"
    needs_object: Literal[False] = False

    def holds(self, request: CanonicalRequest, found: Found | None) -> bool:
        """Whether no value of the name is a builder's. The engine drops a slash in front."""
        del found
        return not any(name.lstrip("/").startswith("buildx_buildkit_") for name in request.values("name"))

    def __str__(self) -> str:
        return "name is not one of a privileged builder, buildx_buildkit_..."


@dataclass(frozen=True)
class Bound:
    """What a grant says of a body. It is held to it where the body is read, in `policy/bodies`; here all is well.

    Attributes:
        word: What a policy file calls it.
        value: What the body is held to.
    """

    word: str
    value: Value
    needs_object: Literal[False] = False

    def holds(self, request: CanonicalRequest, found: Found | None) -> bool:
        """Say yes."""
        del request, found
        return True

    def __str__(self) -> str:
        several = isinstance(self.value, tuple) or self.word == "labels"
        return f"{self.word} {'are' if several else 'is'} {say_value(self.value)}"


UNRESTRICTED: Final = Bound("unrestricted", value=True)
"""Opens an operation whole, which else is contained: its body may be anything."""
