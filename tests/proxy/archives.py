"""Archives for a container that is granted, as a client sends them, and what the engine gets of them."""

import asyncio
import io
import tarfile

from policy.policies import grant_on
from proxy.bodies import contained
from proxy.harness import PATIENCE, Wire, World, request
from proxy.lookups import tell

ARCHIVES = (contained("PutContainerArchive", "web"), grant_on("SystemPing"))


def archive(**kinds: bytes) -> bytes:
    """Write an archive whose entries are of these types."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in kinds.items():
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, 5 if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(b"hello") if member.size else None)
    return buffer.getvalue()


GOOD = archive(one=tarfile.REGTYPE, two=tarfile.DIRTYPE)
BAD = archive(one=tarfile.REGTYPE, device=tarfile.BLKTYPE, two=tarfile.REGTYPE)


def put(content: bytes, *, chunked: bool) -> bytes:
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(content)}"
    coded = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content) if chunked else content
    return request("PUT", "/containers/w/archive?path=/", framing, "Content-Type: application/x-tar", body=coded)


async def chunks(engine: Wire) -> tuple[bytes, bool]:
    """Return what comes in chunks, and whether it ended as it should."""
    content = b""
    try:
        while size := int((await asyncio.wait_for(engine.reader.readuntil(b"\r\n"), PATIENCE)).strip(), 16):
            content += (await engine.exactly(size + 2))[:-2]
    except asyncio.IncompleteReadError:
        return content, False
    return content, await engine.exactly(2) == b"\r\n"


async def ask_for_web(here: World) -> Wire:
    """Say that the container is the granted one; return the connection on which the archive comes."""
    await tell(here)
    engine = await here.engine_side()
    assert b"\r\ntransfer-encoding: chunked\r\n" in await engine.head()
    return engine


def names_in(content: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return tar.getnames()
