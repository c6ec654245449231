"""Parse the calls of a build by tables, judge them, and rewrite them for the engine.

A build is judged as the equivalent requests of the classic builder: `POST /build`, and the pushes and pulls of other
images that it names. Anything without an equivalent is refused here, whatever a policy says.

Clients choose the names of builds, sessions, contexts and caches. The engine gets a hash of each with its owner, so
clients cannot name those of others.

Attacks: docs/attacks.md, builds/solving.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote

from dockerproxy.api.rows import list_rows, read_table, read_tables, split_row
from dockerproxy.builds.protobuf import Message, ProtobufError, Value, read_message, write_message
from dockerproxy.owner_labels import BUILT, make_built, scope
from dockerproxy.policy.references import Reference, parse_reference, with_default_tag
from dockerproxy.policy.words.limits import is_harmless
from dockerproxy.wire.document import count_parts, object_of, read_json, show

FRONTEND: Final = "dockerfile.v0"
"""The engine's own reader of Dockerfiles, the only one that runs."""

_EXPORTERS: Final = frozenset({"", "moby", "image", "local", "tar", "oci", "docker"})
_CACHES: Final = frozenset({"inline", "registry"})
_FALSE: Final = frozenset({"false", "0"})
"""An empty value is true to the engine (BuildKit exporter/containerimage/export.go)."""

_STARTS: Final = ("build-arg:BUILDKIT_", "annotation")

_SETTINGS: Final = "containerimage.config"
"""Metadata of an image, or of a platform after a slash (BuildKit exporter/containerimage/exptypes)."""

_MOUNTS: Final = "build-arg:BUILDKIT_CACHE_MOUNT_NS"
_FIXED: Final = {"cmdline": "1"}
"""Makes the engine ignore `# syntax=` in a Dockerfile (frontend/dockerfile/builder, Build)."""

_SCOPED: Final = {
    "Build": {"ref": "build", "session": "session"},
    "Ref": {"ref": "build"},
    "Image": {"session": "session"},
}
"""Fields with a name that the client chose, and the kind of the named thing."""

_UNNAMED: Final = {"build": " "}
"""The name of a thing without one, where the engine lets two owners have it."""

Request: TypeAlias = tuple[str, str]
"""A method and a target."""

_ANY: Final = ("POST", "/build")
"""Reads images, as any build does."""


_LONGEST: Final = 16 * 1024
"""Characters of the attributes that are parsed, and of an equivalent request, which is judged and recorded."""

_MOST_PARTS: Final = 5000
"""Values of the configurations in a result, which are parsed: up to 8 ms. One has some hundred."""

_PASSED: Final = "build-arg:*"
"""Attributes that go on unread. They may be longer."""


_TOO_LONG: Final = "its names, labels and caches are too long"


class DeniedError(ValueError):
    """A call that no policy can allow, with the reason."""


class Rule(NamedTuple):
    """The valid values of an attribute, and its effect."""

    rule: str
    says: str


class Call(NamedTuple):
    """A call that may be forwarded if all equivalent requests are allowed.

    Attributes:
        content: The message for the engine.
        requests: The equivalent requests, which grants must allow; empty if it builds nothing.
        is_part: Whether it belongs to a build that was judged before.
        build: The engine's name of the build in its message; empty if there is none.
    """

    content: bytes
    requests: tuple[Request, ...]
    is_part: bool
    build: str


METHODS: Final = {
    f"/{path}": name for path, name, _ in (split_row(row, 3) for row in list_rows(read_table("methods", __file__)))
}
"""The message of each method that a build calls."""

_RULES: Final = {
    kind: {name: Rule(rule, says) for name, rule, says in (split_row(row, 3) for row in rows)}
    for kind, rows in read_tables("attributes", __file__).items()
}


def read_call(path: str, content: bytes, owner: str) -> Call:
    """Read a call: the path of its method, and its message. Names in it are scoped to the owner.

    Raises:
        DeniedError: No grant can allow it.
    """
    name = METHODS.get(path, "")
    if not name:
        raise DeniedError(f"{path.rpartition('.')[2]} is not a call that builds need")
    try:
        message = read_message(content, name)
    except ProtobufError as error:
        raise DeniedError(str(error)) from None
    requests = _Reader(owner).read(message, name)
    build = _text(message.get("ref")) if name in {"Build", "Ref"} else ""
    return Call(write_message(message, name), tuple(requests), name != "Build", build)


class _Reader:
    """Reads one message, rewrites it, and collects the equivalent requests."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._parameters: dict[str, list[str]] = {}
        self._requests: list[Request] = []
        self._size = self._parts = 0

    def read(self, message: Message, name: str) -> list[Request]:
        """Read a message, and rewrite it in place."""
        for field, what in _SCOPED.get(name, {}).items():
            if named := _text(message.get(field)) or _UNNAMED.get(what):
                message[field] = scope(self._owner, what, named)
        if name == "Image":
            return [_ANY]
        if name == "Return":
            if not message.keys() & {"result", "error"}:
                raise DeniedError("it has neither a result nor an error, by which engines crash")
            self._check_settings(_map(_map(message.get("result")).get("metadata")))
        return self._read_build(message) if name in {"Build", "Step"} else []

    def _read_build(self, message: Message) -> list[Request]:
        if message.get("entitlements"):
            raise DeniedError("its steps would have rights on the host: remove --network host, --allow or --device")
        exporters = _entries(message.get("exporters"))
        if message.get("exporter") or message.get("exporter_attrs"):
            exporters.append((_text(message.get("exporter")), _map(message.get("exporter_attrs"))))
        for kind, attributes in exporters:
            self._export(kind, attributes)
        caches = _map(message.get("cache"))
        for pushes, entries in ((True, caches.get("exports")), (False, caches.get("imports", message.get("imports")))):
            for kind, attributes in _entries(entries):
                self._cache(kind, attributes, pushes=pushes)
        frontend = _text(message.get("frontend"))
        if frontend not in {"", FRONTEND}:
            raise DeniedError(f"the frontend {show(frontend)} is not {FRONTEND}, and can do more than a Dockerfile")
        attributes = _map(message.get("attrs"))
        attributes = {name: self._attribute("frontend", name, _text(value)) for name, value in attributes.items()}
        mounts = attributes.get(_MOUNTS) or scope(self._owner, _MOUNTS, " ")
        message["attrs"] = {**attributes, **_FIXED, f"label:{BUILT}": make_built(self._owner), _MOUNTS: mounts}
        if exporters or frontend:
            labels = {name[6:]: value for name, value in attributes.items() if name.startswith("label:")}
            if labels:
                self._parameters["labels"] = [json.dumps(labels)]
            query = [f"{name}={quote(each, safe='')}" for name, values in self._parameters.items() for each in values]
            self._requests.insert(0, ("POST", "/build?" + "&".join(query)))
        if sum(len(target) for _, target in self._requests) > _LONGEST:
            raise DeniedError(_TOO_LONG)
        return self._requests

    def _check_settings(self, metadata: dict[str, Value]) -> None:
        """Check that the configuration of an image has the label of the owner's builds, as the engine wrote it."""
        for name, value in metadata.items():
            if name.partition("/")[0] == _SETTINGS and isinstance(value, bytes):
                self._parts += count_parts(value)
                if self._parts > _MOST_PARTS:
                    raise DeniedError("the configurations of its images have too many values")
                labels = object_of(object_of(object_of(read_json(value)).get("config")).get("Labels"))
                if labels.get(BUILT) != make_built(self._owner):
                    raise DeniedError(f"{name} lacks this owner's label {BUILT}, and could make it another's image")

    def _export(self, kind: str, attributes: dict[str, Value]) -> None:
        """Read the destination of a result."""
        if kind not in _EXPORTERS:
            raise DeniedError(f"the exporter {show(kind)} is not known")
        for name, value in attributes.items():
            self._attribute("exporter", name, _text(value))
        if attributes.get("push", "false") not in _FALSE:
            for name in _text(attributes.get("name")).split(","):
                self._push(name)

    def _cache(self, kind: str, attributes: dict[str, Value], *, pushes: bool) -> None:
        """Read the destination or source of a cache."""
        if kind not in _CACHES:
            raise DeniedError(f"a cache of the type {show(kind)} is not in the image or a registry")
        for name, value in attributes.items():
            self._attribute("cache", name, _text(value))
        if kind == "registry":
            (self._push if pushes else self._pull)(_text(attributes.get("ref")))

    def _push(self, name: str) -> None:
        reference = _reference(name)
        self._requests.append(("POST", f"/images/{reference.name}/push?tag={reference.tag}"))

    def _pull(self, name: str) -> None:
        reference = _reference(name, digest=True)
        self._requests.append(
            ("POST", f"/images/create?fromImage={reference.name}&tag={reference.digest or reference.tag}")
        )

    def _attribute(self, kind: str, name: str, value: str) -> str:
        """Read an attribute by its rule, and return the value for the engine."""
        family = _family(name)
        found = _RULES[kind].get(name) or _RULES[kind].get(family)
        if family != _PASSED:
            self._size += len(name) + len(value)
            if self._size > _LONGEST:
                raise DeniedError(_TOO_LONG)
        if found is None:
            raise DeniedError(f"the {kind} attribute {show(name)} is not known")
        rule, says = found
        fits = True
        if rule == "never":
            fits = False
        elif rule[0] == "=":
            fits = value in {"", *rule[1:].split(",")}
        elif rule[0] == "~":
            fits = re.fullmatch(rule[1:], value, re.ASCII) is not None
        elif rule[0] == "?":
            self._parameters.setdefault(rule[1:], []).append(value)
        elif rule != "any":
            return _CHECKS[rule](self, name, value)
        if not fits:
            raise DeniedError(f"{show(name + '=' + value)} is not allowed: it {says}")
        return value

    def scope_name(self, name: str, value: str) -> str:
        """Replace a name that the client chose."""
        return scope(self._owner, "session" if name.startswith("local") else name, value)

    def check_names(self, _name: str, value: str) -> str:
        """Check the names that the image gets."""
        names = self._parameters.setdefault("t", [])
        known = set(names)
        names += [each for each in dict.fromkeys(value.split(",")) if each not in known and value]
        return value

    def check_limits(self, name: str, value: str) -> str:
        """Check that no limit gives a step priority over others on the host."""
        for limit in value.split(","):
            if not re.fullmatch(r"\w+=\d+(:\d+)?", limit, re.ASCII) or not is_harmless(limit.partition("=")[0]):
                raise DeniedError(f"{show(name + '=' + value)} is not known to be harmless")
        return value

    def check_images(self, _name: str, value: str) -> str:
        """Check the images that are pulled."""
        for image in filter(None, value.split(",")):
            self._pull(image)
        return value

    def check_imports(self, name: str, value: str) -> str:
        """Rewrite a JSON list, because Go reads its keys case-insensitively."""
        listed = read_json(value.encode()) if value else []
        kept = []
        for each in listed if isinstance(listed, list) else (None,):
            if not isinstance(each, dict) or not each.keys() <= {"Type", "Attrs"}:
                raise DeniedError(f"{name} is not a list of caches")
            kind, attributes = each.get("Type"), each.get("Attrs") or {}
            if not isinstance(kind, str) or not isinstance(attributes, dict):
                raise DeniedError(f"{name} is not a list of caches")
            texts: dict[str, Value] = {key: text for key, text in attributes.items() if isinstance(text, str)}
            if texts.keys() != attributes.keys():
                raise DeniedError(f"{name} is not a list of caches")
            self._cache(kind, texts, pushes=False)
            kept.append({"Type": kind, "Attrs": texts})
        return json.dumps(kept)


_CHECKS: Final[Mapping[str, Callable[[_Reader, str, str], str]]] = {
    "scope": _Reader.scope_name,
    "check_names": _Reader.check_names,
    "check_limits": _Reader.check_limits,
    "check_images": _Reader.check_images,
    "check_imports": _Reader.check_imports,
}


def _family(name: str) -> str:
    """Return the name of an attribute's family in the table."""
    start = next((each for each in _STARTS if name.startswith(each)), name.partition(":")[0] + ":")
    return start + "*"


def _reference(name: str, *, digest: bool = False) -> Reference:
    reference = parse_reference(name)
    if reference is None or (reference.digest and not digest):
        raise DeniedError(f"{show(name)} is not a valid image name")
    return with_default_tag(reference)


def _text(value: "Value | None") -> str:
    return value if isinstance(value, str) else ""


def _map(value: "Value | None") -> dict[str, Value]:
    return value if isinstance(value, dict) else {}


def _entries(value: "Value | None") -> list[tuple[str, dict[str, Value]]]:
    """Return exporters or caches: the type and the attributes of each."""
    listed = value if isinstance(value, list) else []
    return [(_text(_map(each).get("type")), _map(_map(each).get("attrs"))) for each in listed]
