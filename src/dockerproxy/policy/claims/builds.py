"""Classic builds: an archive with a Dockerfile.

The steps of a build are not bounded: they run any command as root in an ordinary container, fetch addresses and images
with the client's credentials, read the engine's images, and fill the disk. The parameters bound the rest: nothing of
the host, the network that `networks` allows, no name that `tags` does not list.

Podman builds on the host's network whatever Docker's `networkmode` says, so it is told otherwise in its own way. What
its steps may ask for besides, `dockerfiles.py` says; Docker's classic builder has none of that.

Attack: BuildKit, which the proxy cannot read -> Defence: version 2 and sessions need `unrestricted`.
Attack: a context from an address -> Defence: refused.
Attack: a frontend, which is a program: `# syntax=` as BuildKit reads it, behind a byte order mark or a `#!`, with `//`,
as JSON -> Defence: refused.
Attack: another Dockerfile than was looked at: a second one, a link, one behind a link, another default name
(`dockerfile`, `Containerfile`) -> Defence: each is read, and there at most once, as a file.
Attack: a name that Podman fetches, or preprocesses with includes of host files (`….in`) -> Defence: a clean path only.
Attack: an entry that goes through a link, by which Podman writes to the host -> Defence: refused.
Attack: a network by its id, which a pattern of names covers -> Defence: looked up, and goes on under the whole id.
"""

import re
from collections.abc import Mapping
from typing import Final

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import Fault, Note, Object, Reading
from dockerproxy.policy.claims.dockerfile_names import complete_images
from dockerproxy.policy.claims.dockerfile_steps import Step
from dockerproxy.policy.claims.dockerfiles import find_reach
from dockerproxy.policy.claims.entries import Rules, fault_of
from dockerproxy.policy.claims.images import complete
from dockerproxy.policy.claims.names import IS_NAME
from dockerproxy.policy.claims.networks import join_network
from dockerproxy.policy.claims.tags import claim_name
from dockerproxy.policy.references import parse_reference
from dockerproxy.wire.document import Json, read_json
from dockerproxy.wire.tar import Entry, Kind, show_name

_DEFAULTS: Final = ("Dockerfile", "dockerfile", "Containerfile")
"""What engines look for if the client names none; Docker the second in place of the first."""

_IGNORED: Final = (".dockerignore", ".containerignore")
_IS_CLEAN: Final = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[\w.@+-]+(?:/[\w.@+-]+)*", re.ASCII).fullmatch
_ONBUILD: Final = "ONBUILD"

_MARK: Final = b"\xef\xbb\xbf"
_SHEBANG: Final = re.compile(rb"#![^\n]*\n?")
_INSTRUCTION: Final = re.compile(rb"^(?![ \t\r]*(?:#|//|$))", re.MULTILINE)
_FRONTEND: Final = re.compile(
    rb"^[ \t]*(?:#|//)[ \t]*syntax[ \t]*=[ \t]*"
    rb"(?![ \t]|(?-i:(?:docker\.io/)?docker/dockerfile)(?::[\w.-]*)?(?:@sha256:[0-9a-f]{64})?(?:[ \t\r]|$))"
    rb"([^ \t\r\n]*)",
    re.IGNORECASE | re.ASCII | re.MULTILINE,
)
"""One that is not Docker's own, which many Dockerfiles name. No classic builder runs any."""

_OWN_NETWORK: Final = "nsoptions=%5B%7B%22Name%22%3A%22network%22%2C%22Host%22%3Afalse%2C%22Path%22%3A%22%22%7D%5D"
_NO_NETWORK: Final = "networkmode=1"
"""What Podman calls none (buildah, NetworkDisabled). Of several values it takes the last, Docker the first."""


class Building(Rules):
    """What may be in the context of a build."""

    def __init__(self, request: CanonicalRequest, note: Note) -> None:
        names = find_dockerfiles(request)
        super().__init__(frozenset(name.encode() for name in names))
        self._note = note
        self._given = _read_arguments(request)
        ignored = {*_IGNORED, *(name + ending for name in names for ending in _IGNORED)}
        self._ignored = frozenset(name.encode() for name in ignored)

    def look(self, entry: Entry) -> Fault | None:
        """Say what is wrong with an entry, by its header."""
        if entry.name in self._ignored and entry.kind is not Kind.FILE:
            return fault_of(entry, "must be a file")
        return super().look(entry)

    def read(self, entry: Entry, content: bytes) -> bytes | Fault:
        """Look whether a Dockerfile is one that a classic builder reads, and asks for no more than it gets."""
        frontend = find_frontend(content)
        if frontend:
            return fault_of(entry, f"names a frontend, a program that would read it: {frontend}")
        steps: list[Step] = []
        reach = find_reach(content, self._given, steps)
        if not reach and self.marks is not None:  # What goes on is judged, too.
            content = complete_images(content)
            reach = find_reach(content, self._given)
        if reach:
            return fault_of(entry, reach)
        names = [name for step in steps for name in ((_ONBUILD, step.name) if step.is_trigger else (step.name,))]
        self._note("Dockerfile[]", [*dict.fromkeys(names)], show_name(entry.name))
        return content


def find_dockerfiles(request: CanonicalRequest) -> tuple[str, ...]:
    """Return the names by which the engine may look for a Dockerfile."""
    names = tuple(filter(None, request.values("dockerfile")))
    return names if names and names != _DEFAULTS[:1] else _DEFAULTS


def find_frontend(content: bytes) -> str:
    """Return the frontend that a Dockerfile names, as a message shows it; empty if it names none, or Docker's own.

    BuildKit looks for it in the first lines, as long as they are directives. Here all are looked at that are comments
    or blank.
    """
    text = content.removeprefix(_MARK)
    shebang = _SHEBANG.match(text)
    text = text[shebang.end() :] if shebang is not None else text
    if text.lstrip(b" \t\r\n").startswith(b"{"):
        return "JSON"
    instruction = _INSTRUCTION.search(text)
    found = _FRONTEND.search(text, 0, instruction.start() if instruction is not None else len(text))
    return (show_name(found[1]) if found[1] else "none") if found is not None else ""


def _read_arguments(request: CanonicalRequest) -> Mapping[str, str] | None:
    """Return what the client sets variables of the Dockerfile to; None if that is not clear."""
    given: dict[str, str] = {}
    for text in filter(None, request.values("buildargs")):
        read = read_json(text.encode(errors="surrogateescape"))
        if not isinstance(read, dict) or not all(value is None or isinstance(value, str) for value in read.values()):
            return None
        given.update((name, value) for name, value in read.items() if isinstance(value, str))
    return given


def add_namespaces(request: CanonicalRequest) -> str:
    """Return the target of a build with what makes Podman keep to its `networkmode`; Docker does not look at it."""
    mark = "&" if "?" in request.target else "?"
    none = f"&{_NO_NETWORK}" if request.values("networkmode") == ("none",) else ""
    return f"{request.target}{mark}{_OWN_NETWORK}{none}"


def check_dockerfile(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A Dockerfile has a clean name in the archive."""
    name = value if isinstance(value, str) else ""
    if name and (not _IS_CLEAN(name) or name.endswith(".in")):
        reading.violate(path, value, "not a valid Dockerfile path")


def check_build_network(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """The steps of a build run on a network that is granted, by its name; on the host's never."""
    name = value if isinstance(value, str) else ""
    if name == "host" or (name and not IS_NAME(name)):
        reading.violate(path, name, "not allowed: a build can only use its own network, or a named one")
        return None
    return join_network(reading, name, path, name) or None


def check_built(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """What is built gets names that the grant lists."""
    for text in filter(None, value if isinstance(value, list) else (value,)):
        claim_name(reading, parse_reference(str(text)), str(text), path)
    return [complete(str(text), parse_reference(str(text))) for text in value] if isinstance(value, list) else None
