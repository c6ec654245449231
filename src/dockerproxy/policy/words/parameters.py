"""Words for query parameters; and the claims of a request's head, by these and by its object.

Attacks: docs/attacks.md, policy/words/parameters.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Final, NamedTuple

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy import objects
from dockerproxy.policy.claim import MOST_LOOKUPS, Reading
from dockerproxy.policy.list_filters import LISTED, refuse_filters
from dockerproxy.policy.objects import Kind, ResolvedObject, certain_values
from dockerproxy.policy.references import parse_reference
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Choice, Constraint, Globs, Items, Matcher
from dockerproxy.policy.words.fixed import has_host
from dockerproxy.policy.words.images import is_import, read_pull
from dockerproxy.policy.words.running import COPYING_FILES, claim_fresh
from dockerproxy.policy.words.spellings import FLAGS, clean_path, fault_of_path, normalise_signal


class Flag(Constraint):
    """A boolean parameter must have this value."""

    takes = Takes.FLAG

    def __init__(self, name: str, summary: str) -> None:
        super().__init__(name, summary, narrows=True)

    def matcher(self, granted: Value) -> Matcher:
        """Match the same value."""
        return lambda value: value is granted

    def least(self, value: Hashable) -> Value | None:
        """Require the value."""
        return value if isinstance(value, bool) else None


class _Either(Flag):
    is_private = True

    def matcher(self, _granted: Value) -> Matcher:
        return lambda value: isinstance(value, bool)


EITHER: Final = _Either("force", "either value")
"""`force` if it has no effect, because it is removed."""


class _Private(Choice):
    is_private = True


class _Path(Globs):
    fault = staticmethod(fault_of_path)


class _Signal(Items):
    def fault(self, item: str) -> str:
        return "" if re.fullmatch(r"[A-Z0-9+-]+", normalise_signal(item)) else "not a signal, like HUP"

    def spell(self, item: str) -> str:
        return normalise_signal(item)


_NO_BUILDER: Final = "name is not one of a privileged builder, buildx_buildkit_..."
_NOT_LISTED: Final = "which no rule allows"
_UNCERTAIN: Final = "missing, ambiguous, or not allowed by the rule"


class Line(NamedTuple):
    """A parameter that a condition is about, and the function that reads it: None if it is uncertain."""

    word: str
    parameter: str
    read: Callable[[CanonicalRequest], Hashable]


def _flag(word: str, parameter: str, *, absent: bool | None, also: str = "") -> Line:
    """Read a boolean parameter.

    `absent` is the engines' default, or None if they differ; `also` is another name, which other versions of an engine
    read.
    """

    def read(request: CanonicalRequest) -> bool | None:
        found = set[bool | None]()
        for name in filter(None, (parameter, also)):
            values = certain_values(request, name)
            if values is None:
                return None
            # Podman treats an empty value as missing.
            found |= {False if not value and absent is False else FLAGS.get(value) for value in values} or {absent}
        return found.pop() if len(found) == 1 else None

    return Line(word, parameter, read)


def _read_signal(request: CanonicalRequest) -> str | None:
    """Return the signal, KILL by default; None if it is uncertain."""
    values = certain_values(request, "signal")
    return None if values is None or len(values) > 1 else normalise_signal("".join(values) or "KILL") or None


def _read_path(request: CanonicalRequest) -> str | None:
    """Return the path; None if there is not exactly one, or it is not clean."""
    values = certain_values(request, "path")
    return (clean_path(values[0]) if values is not None and len(values) == 1 else "") or None


def _registries(parameter: str, *, namespaces: bool) -> Line:
    """Search every value of a parameter for a registry."""
    find = partial(has_host, namespaces=namespaces)
    return Line("registries", parameter, lambda request: not any(map(find, request.values(parameter))))


def _is_no_builder(request: CanonicalRequest) -> bool:
    """Whether no value of the name is a builder's. The engine drops a leading slash."""
    return not any(name.lstrip("/").startswith("buildx_buildkit_") for name in request.values("name"))


_FORCE: Final = _flag("force", "force", absent=False)
_PATH: Final = Line("path", "path", _read_path)

_LINES: Final[tuple[tuple[str, tuple[Line, ...]], ...]] = (
    ("ContainerLogs ContainerLogsLibpod ServiceLogs TaskLogs", (_flag("follow", "follow", absent=False),)),
    ("ContainerStats ContainerStatsLibpod ContainersStatsAllLibpod", (_flag("stream", "stream", absent=True),)),
    ("ContainerArchive ContainerArchiveInfo ContainerArchiveLibpod ContainerArchiveInfoLibpod", (_PATH,)),
    ("ContainerDelete", (_FORCE, _flag("remove_volumes", "v", absent=False))),
    ("ContainerDeleteLibpod", (_FORCE, _flag("remove_volumes", "volumes", absent=False, also="v"))),
    ("ImageDelete ImageDeleteLibpod VolumeDeleteLibpod VolumeDelete", (_FORCE,)),
    ("ContainerAttach ContainerAttachLibpod", (_flag("stdin", "stdin", absent=None),)),
    ("ContainerKill ContainerKillLibpod PodKillLibpod", (Line("signal", "signal", _read_signal),)),
    ("ContainerCreate", (Line("buildx_builders", "name", _is_no_builder),)),
    ("ImageCreate", (Line("images", "fromImage", read_pull),)),
    ("ImageSearch ImageSearchLibpod", (_registries("term", namespaces=False),)),
    ("GetPluginPrivileges", (_registries("remote", namespaces=True),)),
)

LINES: Final[Mapping[str, tuple[Line, ...]]] = {name: lines for names, lines in _LINES for name in names.split()}
"""Lines by operation."""


def read_head(reading: Reading, found: ResolvedObject | None) -> None:
    """Claim what a request's head asks for. `found` is the object in its path; None if unknown."""
    request = reading.request
    name = request.operation.name
    for line in LINES.get(name, ()):
        given = request.values(line.parameter.lower())
        shown = given[0] if given else None
        spoken = "tags" if is_import(request) else ""  # An import pulls nothing: `tags` limits it.
        reading.claim(line.word, line.read(request), f"?{line.parameter}", shown, _UNCERTAIN, unless=spoken)
    if name in objects.NAMING:
        _claim_named(reading, objects.NAMING[name])
    for word in objects.words_of_object(name):
        _claim_object(reading, word, found)
    for word in LISTED.get(name, ()):
        if reason := refuse_filters(request):
            reading.claim(word, True, "?filters", None, reason, without=True)  # noqa: FBT003 (it is what is claimed)
    if name in COPYING_FILES:
        claim_fresh(reading, found)
    if name in objects.GIVING:
        _claim_new_name(reading, objects.WORDS[objects.KINDS[name]])


def _claim_new_name(reading: Reading, word: str) -> None:
    given = objects.new_name(reading.request)
    spoken = "tags" if word == "images" else "names"
    named = ResolvedObject(given, (given,)) if given else None
    reading.claim(word, named, "the new name", given or None, _NOT_LISTED, without=True, unless=spoken)


def _claim_named(reading: Reading, parameter: str) -> None:
    """Claim the images that a parameter names. They are forwarded with the judged names."""
    values, path = certain_values(reading.request, parameter) or (), f"?{parameter}"
    are_names = all(objects.is_full_id(value) or parse_reference(value) is not None for value in values)
    if not are_names or not 0 < len(values) <= MOST_LOOKUPS:
        says = f"is missing, ambiguous, or there more than {MOST_LOOKUPS} times"
        reading.claim("images", None, path, None, says)
        return
    for value in values:
        found, lookup = reading.resolve(Kind.IMAGE, value)
        reading.claim("images", found, path, value, _NOT_LISTED, lookup=lookup, without=True)
        reading.query[parameter] = (*reading.query.get(parameter, ()), value if found is None else found.id)


def _claim_object(reading: Reading, word: str, found: ResolvedObject | None) -> None:
    """Claim the object in the path by a word, and the further objects that the engine would act on."""
    request = reading.request
    noun = objects.WORDS[objects.KINDS[request.operation.name]].removesuffix("s")
    shown = found.names[0] if found is not None and found.names else None
    reading.claim(word, found, f"the {noun}", shown, _NOT_LISTED, without=True)
    for parameter in objects.REACHING.get(request.operation.name, ()):
        values = filter(None, request.values(parameter))
        read = {FLAGS.get(value) if parameter in objects.SWITCHES else True for value in values}
        value = False if read <= {False} else True if read == {True} else None  # None if uncertain.
        spoken = "force" if parameter == "force" else ""
        if value is not False:
            says = f"acts on more than the named {noun}"
            reading.claim(word, value, f"?{parameter}", None, says, without=True, unless=spoken)


WORDS: Final = (
    # If a build cannot use the engine's own builder, buildx silently falls back to a privileged container of its own
    # (buildx driver/docker-container).
    _Private("buildx_builders", "no privileged builder of buildx is named", "none", _NO_BUILDER),
    Flag("follow", "whether the answer continues with new output"),
    Flag("force", "whether objects in use are removed too; Podman also deletes containers of the image or volume"),
    _Path("path", "which paths in the container, as they are spelled; the engine follows links in there", narrows=True),
    _Private("registries", "only the engine's own registry is asked", "default", "no registry host is named"),
    Flag("remove_volumes", "whether its anonymous volumes are removed too"),
    _Signal("signal", "which signals; the default is KILL", narrows=True),
    Flag("stdin", "whether the client can write to its stdin; requests must say so, since engines' defaults differ"),
    Flag("stream", "whether the answer continues, a line per second"),
)
