"""Parse and write heads of HTTP/1.x messages (RFC 9112). Ambiguous or malformed heads are refused.

`write_request` writes a new head from the parsed values. An engine's head passes byte for byte; it is parsed only to
find the end of the response.

Attacks: docs/attacks.md, wire/head.
"""

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache, partial
from typing import Final, NamedTuple

from dockerproxy.errors import Refusal
from dockerproxy.text import lower, number, trim

MAX_HEAD: Final = 1024 * 1024
"""Bytes of an engine's head. Go has the same limit."""

MAX_FIELDS: Final = 1000
"""Fields of a head. Without a limit, one head could take a second of processor time."""

_LONGEST_REMEMBERED: Final = 2048
"""Bytes of a response head whose parsed form is cached."""

END_OF_HEAD: Final = b"\r\n\r\n"

METHODS: Final = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE"})

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE: Final = re.compile(rb"(" + _TOKEN + rb") ([^\x00-\x20\x7f]+) HTTP/([0-9])\.([0-9])")
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
# The value includes the spaces around it: two adjacent repetitions that match spaces take quadratic time.
_FIELD: Final = re.compile(rb"(" + _TOKEN + rb"):([^\x00-\x08\x0a-\x1f\x7f]*)")
_PROTOCOL: Final = re.compile(_TOKEN + rb"(/" + _TOKEN + rb")?")
# Valid for Go's server (golang.org/x/net/http/httpguts.ValidHostHeader), which answers 400 to others.
_HOST: Final = re.compile(rb"[0-9A-Za-z!$%&()*+,\-.:;=\[\]'_~]*")

_OURS: Final = frozenset(
    b"connection content-length expect keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    b"transfer-encoding upgrade".split(b" ")
)
"""They describe this connection, not the request (RFC 9110 §7.6.1), or `write_request` itself writes them."""

_PEEKED: Final = 2048
"""Bytes of a malformed request line for the record."""

_CONTINUE: Final = 100
_FINAL: Final = 200
"""Lower statuses are interim, except 101."""

_BODILESS: Final = frozenset({204, 304})

_ONCE: Final = (
    b"content-length transfer-encoding host content-type content-encoding expect upgrade x-registry-auth "
    b"x-registry-config".split(b" ")
)
"""The engine reads one of each: repetitions are refused."""

# A media type (RFC 9110 §8.3.1), of tokens without the star, with which RFC 2231 splits a parameter into several.
_MEDIA_WORD: Final = r"[!#$%&'+.^_`|~0-9A-Za-z-]+"
_MEDIA_PARAMETER: Final = rf'[ \t]*;[ \t]*({_MEDIA_WORD})=({_MEDIA_WORD}|"[\t !#-\[\]-~]+")'
_MEDIA_TYPE: Final = partial(re.fullmatch, rf"({_MEDIA_WORD}/{_MEDIA_WORD})((?:{_MEDIA_PARAMETER})*)")
_MEDIA_PARAMETERS: Final = partial(re.findall, _MEDIA_PARAMETER)


class MediaType(NamedTuple):
    """A media type.

    Attributes:
        name: Type and subtype in lower case, like `application/json`, or empty.
        parameters: Names in lower case, and values without quotes.
    """

    name: str = ""
    parameters: tuple[tuple[str, str], ...] = ()


def read_media_type(value: bytes) -> MediaType | None:
    """Read a trimmed Content-Type value; None if malformed. An empty one names no type."""
    if not value:
        return MediaType()
    found = _MEDIA_TYPE(value.decode("latin-1"))
    if found is None:
        return None
    parameters = tuple((lower(name), text.strip('"')) for name, text in _MEDIA_PARAMETERS(found[2]))
    if len(dict(parameters)) < len(parameters):
        return None
    return MediaType(lower(found[1]), parameters)


_IS_LIST: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z \t,-]*").fullmatch
_IS_BASE64: Final = re.compile(rb"[A-Za-z0-9+/=_-]*").fullmatch
_IS_ASCII: Final = re.compile(rb"[\t -~]*").fullmatch
_GRAMMARS: Final[Mapping[bytes, Callable[[bytes], object]]] = {
    b"connection": _IS_LIST,
    b"content-type": read_media_type,
    b"content-encoding": _IS_LIST,
    b"accept": _IS_ASCII,
    b"origin": _IS_ASCII,
    b"sec-websocket-key": _IS_ASCII,
    b"sec-websocket-protocol": _IS_ASCII,
    b"sec-websocket-version": _IS_ASCII,
    b"x-registry-auth": _IS_BASE64,
    b"x-registry-config": _IS_BASE64,
    b"x-meta-": _IS_ASCII,
}
"""Valid values of fields that engines act on, besides those of `_CHECKS`. Engines only log other fields, or ask
BuildKit's client about them, where names may be in any script."""

_META: Final = b"x-meta-"
"""Docker forwards fields with this prefix to registries."""

Fields = tuple[tuple[bytes, bytes], ...]
"""Header fields in order, names in lower case."""

Values = dict[bytes, bytes]

# fmt: off
_CHECKS: Final[tuple[tuple[Callable[[Values, int], bool], int, str], ...]] = (
    (lambda values, minor: minor == 1 and b"host" not in values,
     400, 'missing header "host", which HTTP/1.1 requires'),
    (lambda values, _: _HOST.fullmatch(values.get(b"host", b"")) is None,
     400, 'malformed header "host"'),
    (lambda values, _: number(values.get(b"content-length", b"0")) is None,
     400, 'malformed header "content-length": not a decimal number'),
    (lambda values, minor: minor == 0 and b"transfer-encoding" in values,
     400, 'unsupported header "transfer-encoding" in HTTP/1.0; use HTTP/1.1'),
    (lambda values, _: b"transfer-encoding" in values and b"content-length" in values,
     400, 'ambiguous request: it has both "content-length" and "transfer-encoding"'),
    (lambda values, _: lower(values.get(b"transfer-encoding", b"chunked")) != b"chunked",
     400, 'unsupported transfer-encoding; use "chunked"'),
    (lambda values, _: _PROTOCOL.fullmatch(values.get(b"upgrade", b"none")) is None,
     400, 'malformed header "upgrade"; name one protocol'),
    (lambda values, minor: b"expect" in values and (minor == 0 or lower(values[b"expect"]) != b"100-continue"),
     417, 'unsupported header "expect"; use "100-continue", with HTTP/1.1'),
)
# fmt: on
"""When a head is refused, and the answer. The first match counts."""


class Framing(StrEnum):
    """How a body's end is marked."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


class RequestHead(NamedTuple):
    """An unambiguous request head.

    Attributes:
        method: One of `METHODS`.
        target: As the client sent it, without whitespace and control characters.
        minor: 0 or 1, of HTTP/1.x.
        fields: End-to-end fields only.
        framing: `NONE`, `LENGTH` or `CHUNKED`; a length of 0 counts as `NONE`.
        length: Bytes of the body when `framing` is `LENGTH`, else 0.
        declares_length: A Content-Length was sent, even if 0.
        close: The client wants the connection closed after the answer.
        expects_continue: The client waits for 100 before it sends the body.
        upgrade: The protocol that the client offers, or empty.
        media_type: The body's type, from Content-Type.
    """

    method: bytes
    target: bytes
    minor: int
    fields: Fields
    framing: Framing
    length: int
    declares_length: bool
    close: bool
    expects_continue: bool
    upgrade: bytes
    media_type: MediaType

    def wants_interim(self, status: int) -> bool:
        """Whether the client gets this 1xx status: none over HTTP/1.0, and 100 only if it waits for it."""
        return self.minor > 0 and (status != _CONTINUE or self.expects_continue)


class ResponseHead(NamedTuple):
    """The parts of a response head that are needed to find the end of the response.

    Attributes:
        status: Status code.
        framing: How the body ends, for a request that was not HEAD.
        length: Bytes of the body when `framing` is `LENGTH`.
        close: The engine announces that it closes the connection after this response.
        raw_stream: Docker uses this content type for hijacked connections.
    """

    status: int
    framing: Framing
    length: int
    close: bool
    raw_stream: bool


def parse_request(head: bytes) -> RequestHead | Refusal:
    """Parse a request head: all bytes up to and including the empty line."""
    lines = head[:-4].split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(lines[0])
    if line is None:
        return Refusal(400, "malformed request line; write METHOD TARGET HTTP/1.1")
    method, target, major, minor_digit = line.groups()
    if major != b"1" or minor_digit not in b"01":
        return Refusal(400, "unsupported HTTP version; use HTTP/1.0 or HTTP/1.1")
    if method not in METHODS:
        return Refusal(400, f"unsupported method {_shown(method)}; use GET, HEAD, POST, PUT or DELETE")
    fields = _parse_fields(lines)
    if isinstance(fields, Refusal):
        return fields
    minor = number(minor_digit) or 0
    values = dict(fields)
    refusal = _refuse_fields(fields, values, minor) or _refuse_values(fields)
    if refusal is not None:
        return refusal
    options = _options(fields)
    length = number(values.get(b"content-length", b"0")) or 0
    chunked = b"transfer-encoding" in values
    nominated = _OURS | options
    return RequestHead(
        method=method,
        target=target,
        minor=minor,
        fields=tuple((name, value) for name, value in fields if name not in nominated or name == b"host"),
        framing=Framing.CHUNKED if chunked else Framing.LENGTH if length else Framing.NONE,
        length=length,
        declares_length=b"content-length" in values,
        close=minor == 0 or b"close" in options,
        expects_continue=b"expect" in values,
        upgrade=values.get(b"upgrade", b""),
        media_type=read_media_type(values.get(b"content-type", b"")) or MediaType(),
    )


def _parse_fields(lines: list[bytes]) -> Fields | Refusal:
    """Parse the lines after the request line."""
    if len(lines) - 1 > MAX_FIELDS:
        return Refusal(431, f"the request has more than {MAX_FIELDS} headers")
    fields = []
    for line in lines[1:]:
        field = _FIELD.fullmatch(line)
        if field is None:
            if line[:1] in {b" ", b"\t"}:
                return Refusal(400, "malformed header: folded over several lines")
            return Refusal(400, f"malformed header line {_shown(line)}")
        name, value = field.groups()
        fields.append((lower(name), trim(value, b" \t")))
    return tuple(fields)


def _refuse_fields(fields: Fields, values: Values, minor: int) -> Refusal | None:
    """Refuse fields that the engine, or a proxy in front of it, could read in two ways."""
    if len(values) != len(fields):
        names = [name for name, _ in fields]
        for name in _ONCE:
            if names.count(name) > 1:
                return Refusal(400, f'duplicate header "{name.decode()}"')
    return next((Refusal(status, reason) for fails, status, reason in _CHECKS if fails(values, minor)), None)


def _refuse_values(fields: Fields) -> Refusal | None:
    """Refuse values that the engine could read differently."""
    for name, value in fields:
        is_good = _GRAMMARS.get(_META if name.startswith(_META) else name)
        if is_good is not None and not is_good(value):
            return Refusal(400, f'malformed header "{name.decode()}"')
    return None


def _options(fields: Fields) -> frozenset[bytes]:
    """Return the connection options: `close`, `upgrade`, or names of hop-by-hop fields."""
    return frozenset(
        lower(trim(option, b" \t")) for name, value in fields if name == b"connection" for option in value.split(b",")
    )


def write_request(head: RequestHead, target: bytes, *, upgrade: bool, content: bytes | None = None) -> bytes:
    """Write a request head for the engine, and the body if it is complete.

    Args:
        head: The parsed request head.
        target: The canonical target, which was judged.
        upgrade: Whether the operation may become a tunnel; otherwise an offered upgrade is dropped.
        content: The body; None if it is streamed, or there is none.
    """
    lines = [b"%b %b HTTP/1.%d" % (head.method, target, head.minor)]
    lines += [b"%b: %b" % field for field in head.fields]
    if content is not None:
        lines.append(b"content-length: %d" % len(content))
    elif head.framing is Framing.CHUNKED:
        lines.append(b"transfer-encoding: chunked")
    elif head.declares_length:
        lines.append(b"content-length: %d" % head.length)
    if head.expects_continue and content is None:
        lines.append(b"expect: 100-continue")
    if upgrade and head.upgrade:
        lines += [b"connection: upgrade", b"upgrade: " + head.upgrade]
    elif head.close:
        lines.append(b"connection: close")
    return b"\r\n".join(lines) + END_OF_HEAD + (content or b"")


def parse_response(head: bytes) -> ResponseHead | None:
    """Parse a response head of the engine up to the empty line; None if it breaks the protocol."""
    lines = head[:-4].split(b"\r\n")
    line = _STATUS_LINE.fullmatch(lines[0])
    fields = _parse_fields(lines)
    if line is None or isinstance(fields, Refusal):
        return None
    status = number(line[2]) or 0
    values = dict(fields)
    framed = [(name, value) for name, value in fields if name in {b"content-length", b"transfer-encoding"}]
    if len(framed) > 1 or _refuse_fields(tuple(framed), {**dict(framed), b"host": b""}, 1) is not None:
        return None
    options = _options(fields)
    close = b"close" in options or (line[1] == b"0" and b"keep-alive" not in options)
    framing, length = Framing.CLOSE, 0
    if b"transfer-encoding" in values:
        framing = Framing.CHUNKED
    elif b"content-length" in values:
        framing, length = Framing.LENGTH, number(values[b"content-length"]) or 0
    if status < _FINAL or status in _BODILESS:
        framing, length = Framing.NONE, 0
    raw_stream = values.get(b"content-type", b"").startswith(b"application/vnd.docker.")
    return ResponseHead(status, framing, length, close, raw_stream)


def read_response(head: bytes) -> ResponseHead | None:
    """Parse a response head, from a cache if possible: Date has whole seconds, so many heads are equal."""
    return _remember_response(head) if len(head) <= _LONGEST_REMEMBERED else parse_response(head)


_remember_response = lru_cache(256)(parse_response)


def peek(head: bytes) -> tuple[str, str]:
    """Return the likely method and target of a malformed head, for the record."""
    line = head.partition(b"\r\n")[0][:_PEEKED].decode("latin-1")
    method, _, rest = line.partition(" ")
    return method, rest.rpartition(" ")[0] or rest


def _shown(data: bytes) -> str:
    """Quote the start of a client's bytes."""
    return json.dumps(data[:40].decode("latin-1"))
