"""Archives as a client sends them, and what of them goes on."""

from collections.abc import Mapping

from policy.inspecting import conditions_of
from policy.policies import request_of
from wire.tars import Read, read_archive

from dockerproxy.policy.claims.archives import Archive
from dockerproxy.policy.values import Value

PUT = ("PUT", "/containers/web/archive?path=/data")
LOAD = ("POST", "/images/load")
BUILD = ("POST", "/build")


def archive_for(request: tuple[str, str], bounds: Mapping[str, Value] | None = None) -> Archive:
    """Return what looks at an archive."""
    return Archive(request_of(*request), (conditions_of(bounds or {}),))


def send(request: tuple[str, str], content: bytes, **bounds: Value) -> bytes:
    """Send an archive that passes; return what the engine gets."""
    archive = archive_for(request, bounds)
    passed = b"".join([*feed_all(archive, content), *archive.end()])
    assert not archive.fault, archive.fault
    return passed


def feed_all(archive: Archive, content: bytes) -> list[bytes | memoryview]:
    """Feed content until nothing more goes on of it."""
    passed = archive.feed(content)
    while archive.has_more:
        passed += archive.feed(b"")
    return passed


def passed_on(request: tuple[str, str], content: bytes, **bounds: Value) -> Read:
    """Send an archive that passes; return what the engine reads in what it gets."""
    return read_archive([send(request, content, **bounds)])


def refusal_of(request: tuple[str, str], content: bytes, **bounds: Value) -> str:
    """Send an archive that does not pass, by the byte too; return what the client is told."""
    archive = archive_for(request, bounds)
    feed_all(archive, content)
    archive.end()
    assert archive.fault
    slow = archive_for(request, bounds)
    for at in range(len(content)):
        slow.feed(content[at : at + 1])
    slow.end()
    assert slow.fault == archive.fault
    return archive.fault
