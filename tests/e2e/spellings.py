"""Thousands of requests: every operation as it is meant to be asked for, and in all ways near to that.

Each request has its own number as the last parameter of its query, so that a line of the log can be told from others.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, cycle, islice
from typing import NamedTuple
from urllib.parse import quote

from api.paths import METHODS, path_of

from dockerproxy.api.catalog import OPERATIONS, Operation

MARK = "mark"
NEEDED = "fromImage=nothing"  # without it Podman has no route for ImageCreate; no other operation knows it
# fmt: off
VERSIONS = (
    # As engines and clients have them, and as no client has them but an engine may take them.
    "", "/v1.24", "/v1.41", "/v1.45", "/v1.44.99999", "/v4.0.0", "/v5.4.2",
    "/v0", "/v0.0.0", "/v1", "/v1.0", "/v1.12", "/v1.46", "/v1.99", "/v2", "/v3.4.4", "/v4", "/v9", "/v9999.9999",
    "/v10", "/v12.3.0", "/v20.1", "/v39", "/v40", "/v41.0", "/v100.0.0",
    # In ways that are near to those.
    "/v", "/v.", "/v..", "/v1.", "/v.45", "/v1..45", "/v01.45", "/v1.045", "/v1.45.0.0", "/v1.45-rc1", "/v4a", "/v-1",
    "/V1.45", "/1.45", "/v1.45/v1.45", "/v1.45/v5.0.0", "/v1.45/", "//v1.45", "/v1%2E45", "/%761.45", "/v1.45%2F",
    "/v1.45%00", "/v%31.45", "/v1.45/.", "/x/../v1.45", "/libpod", "/v5.0.0/libpod", "/api", "/v1,45",
    "/v\uff11",
)
OTHER_METHODS = ("OPTIONS", "PATCH", "TRACE", "CONNECT", "get", "Post", "FOO")
SEAMS = ("//", "/./", "/../", "/x/../", "/%2e/", "/%2E%2e/", "%2F", "%2f", "%252F", "\\", "%5C", "/%00", "/;a/", ";/")
ENDS = (
    "/", "//", "/.", "/..", "/../", "%2F", "%2f", ".", "%2e", "%20", "%00", "%0A", "%0d%0a", "%09", "%7F", "%C3%A9",
    ";a", ";a=b", ",", "#", "#/json", "%23", "%3F", "%3Fa=b", "*", "é", "\udcff", "~", "%", "%2", "%zz", "%25", "%2541",
)
QUERIES = (
    "?", "?&", "?&&=&", "?a", "?=", "?=b", "?a=b=c", "?a=1&a=2", "?A=1&a=2", "?%61=1&a=2", "?a=x+y&b=%2B", "?a=%00",
    "?a=%26b%3D1", "?a=%0d%0aHost:x", "?a=%FF", "?a=é", "?a=/containers/json", "?a=../..", "?a[]=1", "?a=%3Bb", "??a=1",
    "?a=?", "?method=DELETE&_method=DELETE", "?name=nothing", "?version=1.24", "?a;b=1", "?a=%zz", "?a=1#b",
    "?a=/libpod", "?a=/libpod/local", "?a=" + "x" * 1500,
)
NAMES = (
    "a", "0", "-", ".a", "...", "a.b", "_", "~", "!", "$", "&", "'", "(a)", "*", "+", ",", ";", "=", ":", "@", "a:b",
    "a@b", "a=b&c", "sha256:" + "0" * 64, "0" * 64, "x" * 900, "UPPER", "team/app", "localhost:5000/team/app:1",
    "a//b", "a/", "a%2Fb", "a%2fb/c", "a%252Fb", "%41", "%2541", "a%20b", "a b", "a%3Fb", "a%23b", "é", "%C3%A9", "%00",
    "{id}", "{name}", "v1.45", "libpod", "..", ".", "%2e", "%2e%2e", "a\\b", "a|b", "a%",
)
FORMS = ("http://docker", "https://docker:2376", "HTTP://", "ftp://x", "//docker", "docker:2375", "*", "%2F", "?")
# fmt: on


class Request(NamedTuple):
    """A request without a body."""

    method: str
    target: str

    def marked(self, number: int) -> "Request":
        """Give it a number."""
        return self._replace(target=f"{self.target}{'&' if '?' in self.target else '?'}{NEEDED}&{MARK}={number}")


def version_for(operation: Operation) -> str:
    """Return a version that every engine with the operation speaks."""
    return "/v5.0.0" if operation.section.startswith("libpod/") else "/v1.41"


def canonical(operation: Operation, *, versioned: bool = True, slash: bool = False) -> Request:
    """Ask for an operation as it is meant to be, of something that does not exist."""
    path = path_of(operation, one="nothing", many="a/b" if slash else "nothing")
    return Request(operation.method, (version_for(operation) if versioned else "") + path)


def spell(operations: Iterable[Operation]) -> list[Request]:
    """Ask for operations in every way, each of them in every fourth one by turns; the same in every run."""
    ways = (versions, methods, escapes, seams, ends, queries, names, neighbours, cases, forms)
    made: list[Request] = []
    for at, operation in enumerate(operations):
        made += (canonical(operation, versioned=versioned) for versioned in (False, True))
        made += chain.from_iterable(islice(way(operation), at % 4, None, 4) for way in ways)
    return list(dict.fromkeys(made))


def versions(operation: Operation) -> Iterator[Request]:
    for version in VERSIONS:
        yield Request(operation.method, version + canonical(operation, versioned=False).target)


def methods(operation: Operation) -> Iterator[Request]:
    for method in (*METHODS, *OTHER_METHODS):
        for versioned in (False, True):
            yield canonical(operation, versioned=versioned, slash=versioned)._replace(method=method)


def escapes(operation: Operation) -> Iterator[Request]:
    """Escape each character by itself, in small and capital digits, and some of them twice; then all of them."""
    method, target = canonical(operation, slash=True)
    for at, style in zip(range(len(target)), cycle(("%{:02x}", "%{:02X}", "%25{:02x}")), strict=False):
        yield Request(method, target[:at] + style.format(ord(target[at])) + target[at + 1 :])
    yield Request(method, "/" + "".join(f"%{ord(letter):02x}" for letter in target[1:]))
    yield Request(method, "".join(letter if letter == "/" else f"%{ord(letter):02X}" for letter in target))


def seams(operation: Operation) -> Iterator[Request]:
    """Write each slash otherwise."""
    method, target = canonical(operation, slash=True)
    for slash in re.finditer("/", target):
        for seam in SEAMS:
            yield Request(method, target[: slash.start()] + seam + target[slash.end() :])


def ends(operation: Operation) -> Iterator[Request]:
    for end in ENDS:
        method, target = canonical(operation)
        yield Request(method, target + end)


def queries(operation: Operation) -> Iterator[Request]:
    for query in QUERIES:
        method, target = canonical(operation)
        yield Request(method, target + query)


def names(operation: Operation) -> Iterator[Request]:
    """Put names of all kinds, and the words of the section's own paths, in the place of each name."""
    words = words_of(operation.section)
    for name in (*NAMES, *words, *(f"{word}/x" for word in words), *(f"x/{word}" for word in words)):
        yield Request(operation.method, version_for(operation) + path_of(operation, one=name, many=name))


def neighbours(operation: Operation) -> Iterator[Request]:
    """Go on behind the path, and leave its last part away."""
    method, target = canonical(operation)
    for word in words_of(operation.section):
        yield Request(method, f"{target}/{word}")
    yield Request(method, target.rpartition("/")[0])


def cases(operation: Operation) -> Iterator[Request]:
    method, target = canonical(operation, slash=True)
    yield Request(method, target.upper())
    for part in filter(None, target.split("/")):
        yield Request(method, target.replace(part, part.capitalize()))
        yield Request(method, target.replace(part, part.upper()))
        yield Request(method, target.replace(part, part.replace("s", "\u017f").replace("k", "\u212a")))


def forms(operation: Operation) -> Iterator[Request]:
    """Send what is no path."""
    method, target = canonical(operation)
    for form in FORMS:
        yield Request(method, form + target)
    yield Request(method, target[1:])
    yield Request(method, quote(target, safe=""))


def words_of(section: str) -> list[str]:
    """Return the words that stand in paths of a section, without what they have in common."""
    paths = [
        operation.path.removeprefix(f"/{section}") for operation in OPERATIONS.values() if operation.section == section
    ]
    return sorted({word for path in paths for word in path.split("/") if word and "{" not in word})
