"""Steps of a Dockerfile that reach further than a build: the host's network and files, what other builds left.

Only Podman's builder (imagebuilder, buildah) does what is refused here; Docker's classic one knows none of it. So all
is read as Podman does: it joins lines, puts variables into flags and images, and drops quotes and what is escaped.

How one would get past it, and what stops it: a flag that is spelled with a variable, a quote or an escape (only flags
that are spelled out are let through, and of their values only plain ones); a step hidden behind another, where builders
and we would join lines differently (another escape character, two of them, a carriage return, the name of a here
document that joins the line that ends it to the next: each is refused; what is in a here document is read as steps
too); an image that is a file of the host, `dir:/etc`, also by a variable (its name must begin with what no such name
begins with, whatever the variables hold that the Dockerfile and the client give); a variable of which the value is not
known here (the image may not begin with it). An image that a build starts from may hold steps of its own, in its
ONBUILD, and they cannot be seen from here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

_MARK: Final = b"\xef\xbb\xbf"

_UNCLEAR: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
_ESCAPE: Final = re.compile(r"#\s*escape\s*=\s*`", re.IGNORECASE)
_HERE: Final = re.compile(r"(?<!<)<<-?(?![\s<]|$)")
_HERE_NAME: Final = re.compile(r"""(?P<quote>["']?)[\w.-]+(?P=quote)(?=[\s<]|$)""", re.ASCII)

_STEP: Final = re.compile(
    r"[^!-~]*(?:ONBUILD[^!-~]+)*(RUN|FROM|COPY|ADD|ARG)(?![!-~])(.*)", re.IGNORECASE | re.ASCII | re.DOTALL
)
"""Whatever is not printed in ASCII could be a space to someone."""

_FLAG: Final = re.compile(r"[^!-~]*(--[!-~]*)")
_WORD: Final = re.compile(r"[^!-~]*([!-~]*)")
_PLAIN: Final = re.compile(r"(--[a-z-]+)(?:=([^\"'\\`]*))?")
_ASSIGNMENTS: Final = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+|\s+""")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)(?:=(.*))?", re.ASCII | re.DOTALL)

_TRANSPORTS: Final = tuple(
    f"{name}:"
    for name in (
        "atomic",
        "containers-storage",
        "dir",
        "docker-archive",
        "docker-daemon",
        "oci",
        "oci-archive",
        "ostree",
        "sif",
        "tarball",
    )
)
"""What the name of an image begins with that Podman reads from the host (containers/image, alltransports)."""

_PORT_OR_TAG: Final = re.compile(r"[^:/]*:(?:[0-9]+/|[^/]*$)")
"""A name with a colon in front of its first slash has a port or a tag there."""

_TOKEN: Final = re.compile(
    r"""\$\{(?P<long>\w+)(?::?[-+?](?P<instead>[^{}$]*))?\}|\$(?P<short>[0-9]|[A-Za-z_]\w*)|(?P<unclear>\$\{)|"""
    r"""(?P<quote>["'\\]+)|(?P<text>.)""",
    re.ASCII | re.DOTALL,
)

_GIVEN_BY_BUILDER: Final = re.compile("(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)")
_MOST_VALUES: Final = 16
_LONGEST: Final = 512
_SHOWN: Final = 100

_OF_OTHERS: Final = "is read from the host, or may be"
_BEGINS: Final = "may begin with what is read from the host: a variable stands in front of any slash or colon"


class _UnclearError(Exception):
    """Something that builders could read in another way than it is read here, as a clause."""


def find_reach(content: bytes, given: Mapping[str, str] | None) -> str:
    """Say what in a Dockerfile reaches further than a build may, as a clause; empty if nothing does.

    Args:
        content: Of the Dockerfile.
        given: What the client sets its variables to; None if that is not clear.
    """
    text = content.removeprefix(_MARK).decode(errors="surrogateescape")
    if _UNCLEAR.search(text) or _ESCAPE.search(text):
        return "has an escape directive, or a control character, by which its lines could be joined in another way"
    try:
        steps = list(_read_steps(text))
    except _UnclearError as error:
        return str(error)
    variables = _Variables(given, [rest for name, rest in steps if name == "ARG"])
    for name, rest in steps:
        fault = _look(name, rest, variables)
        if fault:
            return fault
    return ""


def _read_steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions that matter, with what follows them."""
    for line in _join(text):
        for here in _HERE.finditer(line):
            if not _HERE_NAME.match(line, here.end()):
                raise _UnclearError(f"has a here document with another name than a plain word: {_show(line)}")
        found = _STEP.fullmatch(line)
        if found is not None:
            yield found[1].upper(), found[2]


def _join(text: str) -> Iterator[str]:
    """Yield the lines of a Dockerfile, each with those that go on from it."""
    parts: list[str] = []
    for whole in text.split("\n"):
        line = whole.removesuffix("\r")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        bare = line.rstrip(" \t")
        if bare.endswith("\\\\"):
            raise _UnclearError(f"has a line that ends with two escape characters: {_show(line)}")
        if bare.endswith("\\"):
            parts.append(bare[:-1])
            continue
        yield "".join((*parts, line))
        parts.clear()
    yield "".join(parts)


def _look(name: str, rest: str, variables: "_Variables") -> str:
    """Look at one step, of which the flags come first."""
    if name == "ARG":
        return ""
    at = 0
    while (flag := _FLAG.match(rest, at)) is not None:
        at = flag.end()
        plain = _PLAIN.fullmatch(flag[1])
        allowed = _FLAGS[name].get(plain[1]) if plain is not None else None
        if plain is None or allowed is None:
            return f"has a step with {name} {_show(flag[1])}, which is none of {', '.join(_FLAGS[name])}, spelled out"
        fault = allowed(plain[2] or "")
        if fault:
            return f"has a step with {name} {_show(flag[1])}, {fault}"
    word = _WORD.match(rest, at)
    image = word[1] if name == "FROM" and word is not None else ""
    fault = variables.look(image)
    return f"has a step with FROM {_show(image)}, which {fault}" if fault else ""


def _show(text: str) -> str:
    return ascii(text[:_SHOWN])[1:-1]


def _take(value: str) -> str:
    """Let pass what says nothing of the host."""
    del value
    return ""


def _look_at_network(value: str) -> str:
    return "" if value in {"none", "default"} else "which may be the host's"


def _look_at_image(value: str) -> str:
    fault = _Variables(None, []).look(value)
    return f"which {fault}" if fault else ""


def _look_at_mount(value: str) -> str:
    """Look at a mount: something of the context, of an image or another stage, or memory."""
    if "$" in value:
        return "and what is mounted must be spelled out"
    for item in value.split(","):
        key, _, said = item.partition("=")
        if key not in _OF_MOUNTS:
            return f"and of a mount only {', '.join(sorted(_OF_MOUNTS))} may be said"
        if key == "type" and said not in {"bind", "tmpfs"}:
            return "and only bind and tmpfs are mounted: a cache is shared with other builds"
        fault = _look_at_image(said) if key == "from" else ""
        if fault:
            return fault
    return ""


_OF_MOUNTS: Final = frozenset(
    {
        "type",
        "target",
        "dst",
        "destination",
        "source",
        "src",
        "from",
        "ro",
        "readonly",
        "rw",
        "readwrite",
        "size",
        "tmpfs-size",
    }
)

_COPIED: Final[Mapping[str, Callable[[str], str]]] = {
    "--chown": _take,
    "--chmod": _take,
    "--link": _take,
    "--exclude": _take,
}
_FLAGS: Final[Mapping[str, Mapping[str, Callable[[str], str]]]] = {
    "RUN": {"--mount": _look_at_mount, "--network": _look_at_network},
    "FROM": {"--platform": _take},
    "COPY": {"--from": _look_at_image, **_COPIED, "--parents": _take},
    "ADD": {**_COPIED, "--checksum": _take, "--keep-git-dir": _take},
}
"""Flags of an instruction, with what says why a value may not be."""


class _Variables:
    """What variables of a Dockerfile may hold where an image is named."""

    def __init__(self, given: Mapping[str, str] | None, declared: list[str]) -> None:
        self._values: dict[str, set[str]] = {}
        self._are_known = given is not None
        for name, value in (given or {}).items():
            self._values.setdefault(name, set()).add(value)
        for rest in declared:
            self._declare(rest)
        self._known: dict[tuple[str, str], frozenset[str]] = {}
        self._open: set[str] = set()

    def _declare(self, rest: str) -> None:
        """Note what an ARG says; if that is not plain, nothing is known any more."""
        words = _ASSIGNMENTS.findall(rest)
        self._are_known &= "".join(words) == rest and "\\" not in rest
        for word in filter(str.strip, words):
            found = _ASSIGNMENT.fullmatch(word)
            if found is None:
                self._are_known = False
            elif found[2] is not None:
                self._values.setdefault(found[1], set()).add(found[2])

    def look(self, image: str) -> str:
        """Say why an image may not be named so, as a clause; empty if it may.

        What an image is read from is the name in front of its first colon. So there is an end as soon as what is in
        front of a variable could not become one of those.
        """
        if "$" not in image:
            plain = image.translate(_WITHOUT_QUOTES)
            front = plain.partition("/")[0]
            has_other = ":" in front and not _PORT_OR_TAG.match(plain)
            return _OF_OTHERS if has_other or plain.startswith(_TRANSPORTS) else ""
        self._open.clear()
        try:
            self._go_on(frozenset({""}), image)
        except _UnclearError as error:
            return str(error)
        return ""

    def _go_on(self, begun: frozenset[str], text: str) -> frozenset[str]:
        """Return what may be the beginning of a transport, of what began so and goes on with a text."""
        if len(text) > _LONGEST:
            raise _UnclearError(_BEGINS)
        for token in _TOKEN.finditer(text):
            if not begun:
                break
            if token["text"]:
                begun = _keep(front + token["text"] for front in begun)
            elif not token["quote"]:
                begun = self._put(begun, token)
        return begun

    def _put(self, begun: frozenset[str], token: re.Match[str]) -> frozenset[str]:
        """Put whatever a variable may hold behind what has begun."""
        name = token["long"] or token["short"] or ""
        if token["unclear"] or not self._are_known or name in self._open or _GIVEN_BY_BUILDER.fullmatch(name):
            raise _UnclearError(_BEGINS)
        values = {"", *self._values.get(name, ())}
        if len(values) > _MOST_VALUES:
            raise _UnclearError(_BEGINS)
        found = set[str]()
        self._open.add(name)
        for front in begun:
            if (name, front) not in self._known:
                each = (self._go_on(frozenset({front}), value) for value in values)
                self._known[name, front] = frozenset().union(*each)
            found |= self._known[name, front]
        self._open.discard(name)
        return frozenset(found) | self._go_on(begun, token["instead"] or "")


_WITHOUT_QUOTES: Final = str.maketrans("", "", "\"'\\")


def _keep(fronts: Iterator[str]) -> frozenset[str]:
    """Keep what may still become a transport; refuse what is one."""
    kept = frozenset(front for front in fronts if any(name.startswith(front) for name in _TRANSPORTS))
    if kept.intersection(_TRANSPORTS):
        raise _UnclearError(_OF_OTHERS)
    return kept
