"""Archives for tests, written by Python's own tarfile."""

import io
import tarfile
from typing import Any


def item(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """Return a file of an archive, or with other fields anything else."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def directory(name: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """Return a directory of an archive."""
    return item(name, type=tarfile.DIRTYPE, **{"mode": 0o755, **fields})


def link(name: str, target: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """Return a symbolic link of an archive."""
    return item(name, type=tarfile.SYMTYPE, linkname=target, **{"mode": 0o777, **fields})


def archive_of(*items: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """Return an archive."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for info, content in items:
            archive.addfile(info, io.BytesIO(content))
    return written.getvalue()
