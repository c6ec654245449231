"""The canonical request: the one spelling of a target that is judged and then forwarded.

How one would get past a judge of paths, and what stops it here: another spelling of the same path (dot segments,
double slashes, percent signs, an encoded slash) is refused or written in the one canonical way; a path that the
engine would clean with a redirect is refused; a version prefix is plain numbers, once; a query is taken apart
and written anew, so that nothing depends on who splits it how. Podman takes a request for one of its own API if
`libpod` follows the second slash of the target, be that one in the query: so a query is written without slashes, and
such a path is refused. Canonicalising a canonical target changes nothing.

How one would have Podman write to the host by a request that reads, and what stops it: it takes names of images in the
path, in parameters and in filters, and by one of them it makes directories wherever the name says, by another it opens
the files that are listed (a name of either kind is refused, however JSON escapes it).

How one would claim an image of another client, or use one by the mark that says whose it is: by a name in our own
repository (refused on every socket, wherever it stands).

How one would have the engine read another version than we do, and what stops it: a version of three parts, `v1.40.0`,
under which Docker leaves out fields that it knows since 1.41, while a reader of two parts sees no version (there is one
reader for all, and a version of Docker's API has two parts; test: test_a_version_that_no_engine_has_is_none); zeros in
front, blanks, signs and other digits, which each engine reads in its own way (plain numbers). Docker compares number by
number, and takes a missing one for 0 (moby daemon/internal/versions). Podman's own API has versions of up to three
parts, like `v5.4.2`; Cockpit still says `v1.12` before `/libpod`.
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
# RFC 3986 pchar without the percent sign: every object's name is made of these, and none needs an escape.
_PATH: Final = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/\x00]*")
_LIKE_A_VERSION: Final = re.compile(r"v[0-9.][^/]*")
_ESCAPED: Final = re.compile(r"\\u00([0-9a-fA-F]{2})")
RESERVED: Final = "dockerproxy.local"
"""The registry of the names by which versions before marked images. No such host can be."""

_TOUCHES: Final = re.compile(rf"containers-storage:\[|(?<![^\"',])tarball:|{re.escape(RESERVED)}/").search
_TOUCHES_BY_PATH: Final = re.compile("(?:/libpod)?/[a-z]+/tarball:").match
"""How a name begins by which Podman makes a store of images anywhere on the host, or opens files there, devices among
them, as soon as it parses the name (containers/image storage and tarball, ParseReference). It has no other use here."""

_NO_NAME: Final = 'unsupported name: with "tarball:" or "containers-storage:[", Podman accesses files of the host'
_OURS: Final = f'reserved name: "{RESERVED}/" is where the proxy notes whose an image is; use another name'
_SLASH: Final = "ambiguous path: an encoded slash outside of the name of an image or plugin"
MAX_PARAMETERS: Final = 2000
"""Parameters of a query: more than the images that anyone saves at once, few enough to take apart in no time."""

_OLD_MANIFESTS: Final = frozenset("0123")
"""First digits of versions under which Podman's manifest paths mean other operations, one of them a push. It looks at
no other digit: v10 is old to it, v40 is not (podman pkg/api/server/register_manifest.go)."""

_SECOND_PATHS: Final = {("GET", "/networks/"): "/networks"}
"""What moby serves under two paths, by one function: what is judged and goes on is the path that Podman knows, too."""


class CanonicalRequest(NamedTuple):
    """What a client asks for, in one spelling.

    Attributes:
        method: GET, HEAD, POST, PUT or DELETE.
        version: The version prefix, like `v1.45`, or empty.
        path: Without the prefix: segments without escapes, none of them empty, `.` or `..`.
        query: Decoded names and values in their order; bytes that are not UTF-8 are surrogate escapes.
        operation: What the engine would do, or UNKNOWN if the catalog knows no such operation.
        fields: Of its head, with names in lower case.
    """

    method: str
    version: str
    path: str
    query: tuple[tuple[str, str], ...]
    operation: Operation
    fields: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def target(self) -> str:
        """The request target that goes to the engine."""
        path = f"/{self.version}{self.path}" if self.version else self.path
        if not self.query:
            return path
        return f"{path}?{'&'.join(f'{_quote(name)}={_quote(value)}' for name, value in self.query)}"

    def values(self, name: str) -> tuple[str, ...]:
        """Return every value of a parameter, however its name is capitalised.

        Docker takes the first, Podman the last and any capitalisation: a judge looks at all.
        """
        return tuple(value for key, value in self.query if fold(key) == name)


def canonicalise(method: str, target: str, fields: tuple[tuple[bytes, bytes], ...] = ()) -> CanonicalRequest | Refusal:
    """Find the one reading of a request; bytes of its target that are not UTF-8 are surrogate escapes."""
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
            # Podman's client asks for a container before an image, of which only that may have a slash in its name.
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
    """Take the version prefix off a path; empty where there is none."""
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
    """Return by what a value is or holds a name that no request may have. JSON may have escapes in it."""
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
    """Whether a prefix is a version of an API, Docker's or Podman's own."""
    return (_IS_PODMANS if libpod else _IS_DOCKERS)(prefix) is not None


def read_version(prefix: str) -> Version | None:
    """Read a prefix like `v1.45` that exists; None where none is named, which means the engine's newest."""
    major, minor, patch, *_ = (*(number(part) or 0 for part in prefix[1:].split(".")), 0, 0)
    return (major, minor, patch) if prefix else None
