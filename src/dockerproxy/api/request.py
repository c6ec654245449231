"""The canonical request: one spelling of a target, which is judged and then forwarded.

Another spelling of a path could evade a judge of paths. Dot segments, double slashes and other encoded slashes are
refused; escapes are decoded and written in one way. Paths that the engine would clean with a redirect are refused. A
version prefix is plain numbers, once. A query is parsed and written anew, so that no other way to split it matters.
Podman takes a request for its own API if `libpod` follows the second slash of the target, even in the query. So
queries are written without slashes, and such paths are refused. Canonicalising a canonical target changes nothing.

A request that only reads could make Podman write to the host. Podman takes image names in the path, in parameters
and in filters. One kind of name makes directories anywhere, another opens the files that it lists. Both kinds are
refused, however JSON escapes them.

A name in the proxy's own registry could claim or use an image of another client. Every socket refuses such names
everywhere.

The engine could read another version than the proxy. Under `v1.40.0`, Docker leaves out fields that it knows since
1.41, while a parser of two parts sees no version. So one function parses all versions, and a version of Docker's API
has two parts (test: test_a_version_that_no_engine_has_is_none). Engines differ about leading zeros, blanks, signs
and other digits, so only plain numbers are valid. Docker compares number by number, and takes a missing one for 0
(moby daemon/internal/versions). Podman's own API has versions of up to three parts, like `v5.4.2`; Cockpit still
sends `v1.12` before `/libpod`.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import quote

from dockerproxy.api.catalog import ENCODED_SLASH, UNKNOWN, Operation, find_operation, takes_slashes
from dockerproxy.errors import Refusal
from dockerproxy.text import fold, number, unquote

_ENCODED_SLASH: Final = re.compile("%2[fF]")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
# RFC 3986 pchar without the percent sign. Names of all objects consist of these, without escapes.
_PATH: Final = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/\x00]*")
_LIKE_A_VERSION: Final = re.compile(r"v[0-9.][^/]*")
_ESCAPED: Final = re.compile(r"\\u00([0-9a-fA-F]{2})")
RESERVED: Final = "dockerproxy.local"
"""The registry of names with which earlier versions marked images. No such host can exist."""

_TOUCHES: Final = re.compile(rf"containers-storage:\[|(?<![^\"',])tarball:|{re.escape(RESERVED)}/").search
_TOUCHES_BY_PATH: Final = re.compile("(?:/libpod)?/[a-z]+/tarball:").match
"""Such a name makes Podman create an image store anywhere on the host, or open files there, even devices, as soon as it
parses the name (containers/image storage and tarball, ParseReference). It has no other use here."""

_NO_NAME: Final = 'unsupported name: with "tarball:" or "containers-storage:[", Podman accesses files of the host'
_OURS: Final = f'reserved name: "{RESERVED}/" is for the proxy itself; use another name'
_SLASH: Final = "ambiguous path: an encoded slash outside of the name of an image or plugin"
MAX_PARAMETERS: Final = 2000
"""Parameters of a query: more than the images that a client saves at once, few enough to parse quickly."""

MOST_OF_PATH: Final = 2048
"""Characters of a path. A name in it is looked up, remembered and logged; the longest, of an image, has some 500."""

_OLD_MANIFESTS: Final = frozenset("0123")
"""First digits of versions under which Podman's manifest paths mean other operations, including a push. Podman compares
no other digit: v10 is old to it, v40 is not (podman pkg/api/server/register_manifest.go)."""

_SECOND_PATHS: Final = {("GET", "/networks/"): "/networks"}
"""Aliases that one handler of moby serves. The path that Podman also knows is judged and forwarded."""


class CanonicalRequest(NamedTuple):
    """A request in one spelling.

    Attributes:
        method: GET, HEAD, POST, PUT or DELETE.
        version: The version prefix, like `v1.45`, or empty.
        path: Without the prefix. Its segments have no escapes, and none is empty, `.` or `..`.
        query: Decoded names and values in their order; bytes that are not UTF-8 are surrogate escapes.
        operation: What the engine would do; UNKNOWN if it is not in the catalog.
        fields: Header fields, with names in lower case.
    """

    method: str
    version: str
    path: str
    query: tuple[tuple[str, str], ...]
    operation: Operation
    fields: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def target(self) -> str:
        """The request target for the engine."""
        path = f"/{self.version}{self.path}" if self.version else self.path
        if not self.query:
            return path
        return f"{path}?{'&'.join(f'{_quote(name)}={_quote(value)}' for name, value in self.query)}"

    def values(self, name: str) -> tuple[str, ...]:
        """Return all values of a parameter, in any capitalisation of its name.

        Docker takes the first, Podman the last in any capitalisation, so all are judged.
        """
        return tuple(value for key, value in self.query if fold(key) == name)


def canonicalise(method: str, target: str, fields: tuple[tuple[bytes, bytes], ...] = ()) -> CanonicalRequest | Refusal:
    """Find the single reading of a request. Invalid UTF-8 in its target is kept as surrogate escapes."""
    raw_path, _, raw_query = target.partition("?")
    path = unquote(_ENCODED_SLASH.sub("%00", raw_path.replace("%00", "%01")))
    version, path = _split_version(path)
    path = _SECOND_PATHS.get((method, path), path)
    plain = path.replace(ENCODED_SLASH, "/")
    segments = plain.split("/")[1:]
    operation = find_operation(method, plain)
    slashed = path != plain and (not takes_slashes(operation) or find_operation(method, path) is not operation)
    checks = (
        (raw_path[:1] != "/", "malformed request target; it must be an absolute path"),
        (len(plain) > MOST_OF_PATH, f"unsupported path of more than {MOST_OF_PATH} characters"),
        ("#" in target, 'malformed request target: write "#" as %23'),
        (_BAD_ESCAPE.search(target), 'malformed request target: "%" without two hexadecimal digits'),
        (_PATH.fullmatch(path) is None, "unsupported character in the path"),
        (
            version and (not exists(version, libpod=segments[:1] == ["libpod"]) or _LIKE_A_VERSION.match(path[1:])),
            "unsupported version prefix; write it like /v1.45, or before /libpod like /v5.4.2",
        ),
        ("" in segments, "ambiguous path: an empty segment"),
        ("." in segments or ".." in segments, "ambiguous path: a dot segment"),
        (_TOUCHES_BY_PATH(plain), _NO_NAME),
        (f"{RESERVED}/" in plain, _OURS),
        (slashed, _SLASH),
        (
            not version and segments[1:2] == ["libpod"],
            "ambiguous path: Podman reads it as its own API; add a version, like /v1.41",
        ),
        (";" in raw_query, "ambiguous query: engines disagree about semicolons; write %3B"),
    )
    for applies, reason in checks:
        if applies:
            # Podman's client looks for a container before an image. Only image names may contain a slash.
            return Refusal(404 if reason is _SLASH and segments[:1] == ["libpod"] else 400, reason)
    if plain.startswith("/libpod/manifests/") and version[1:2] in _OLD_MANIFESTS:
        operation = UNKNOWN
    if raw_query.count("&") >= MAX_PARAMETERS:
        return Refusal(431, f"the request has more than {MAX_PARAMETERS} query parameters")
    query = tuple(_split_query(raw_query))
    touched = {found for _, value in query if (found := _find_touched(value))}
    if touched:
        return Refusal(400, _OURS if touched == {f"{RESERVED}/"} else _NO_NAME)
    return CanonicalRequest(method=method, version=version, path=plain, query=query, operation=operation, fields=fields)


def _split_version(path: str) -> tuple[str, str]:
    """Split the version prefix off a path; empty if there is none."""
    found = _LIKE_A_VERSION.match(path[1:].replace(ENCODED_SLASH, "/"))
    if found is None:
        return "", path
    return found[0], path[1 + len(found[0]) :]


def _split_query(raw: str) -> Iterator[tuple[str, str]]:
    """Decode a query as Go's url.ParseQuery does."""
    for piece in filter(None, raw.split("&")):
        name, _, value = piece.partition("=")
        yield unquote(name.replace("+", " ")), unquote(value.replace("+", " "))


def _find_touched(value: str) -> str:
    """Return the forbidden name that a value is or contains, or an empty text. Decodes JSON escapes."""
    if "\\" in value:
        value = _ESCAPED.sub(lambda found: bytes.fromhex(found[1]).decode("latin-1"), value).replace("\\/", "/")
    found = _TOUCHES(value)
    return "" if found is None else found[0]


def _quote(text: str) -> str:
    return quote(text, safe=":@,", errors="surrogateescape")


# Versions

_NUMBER: Final = "(?:0|[1-9][0-9]{0,3})"
_IS_DOCKERS: Final = re.compile(rf"v1\.{_NUMBER}").fullmatch
_IS_PODMANS: Final = re.compile(rf"v{_NUMBER}(?:\.{_NUMBER}){{0,2}}").fullmatch

Version = tuple[int, int, int]


def exists(prefix: str, *, libpod: bool) -> bool:
    """Whether a prefix is a valid version, of Docker's API or of Podman's own."""
    return (_IS_PODMANS if libpod else _IS_DOCKERS)(prefix) is not None


def read_version(prefix: str) -> Version | None:
    """Parse a valid prefix like `v1.45`; None without a prefix, which means the engine's newest version."""
    major, minor, patch, *_ = (*(number(part) or 0 for part in prefix[1:].split(".")), 0, 0)
    return (major, minor, patch) if prefix else None
