"""What real clients send is understood, and Go reads in what is written of it exactly that.

Go's `archive/tar` is what Docker and Podman unpack with. Its readings are kept beside the archives, in
`tests/corpus/tar`; `renew.py` there asks it again.
"""

import base64
import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from wire.tars import find_corpus, read_archive, written_anew

from dockerproxy.wire.tar import Entry, Kind
from dockerproxy.wire.tar_writing import END

KINDS = {"0": Kind.FILE, "1": Kind.HARD_LINK, "2": Kind.LINK, "5": Kind.DIRECTORY}


def read_line(line: str) -> tuple[Entry, str]:
    """Return an entry as Go read it, with the sum of its contents."""
    read: dict[str, Any] = json.loads(line)
    assert not read["xattrs"]
    time = Decimal(read["seconds"]) + Decimal(read["nanoseconds"]).scaleb(-9)
    name = base64.b64decode(read["name"])
    entry = Entry(
        name=b"" if name == b"./" else name.removesuffix(b"/"),
        kind=KINDS[read["kind"]],
        mode=read["mode"],
        uid=read["uid"],
        gid=read["gid"],
        size=read["size"],
        mtime=f"{time.normalize():f}".encode(),
        target=base64.b64decode(read["target"]),
    )
    return entry, read["sha256"]


@pytest.mark.parametrize("archive", find_corpus(), ids=lambda path: path.name)
def test_go_reads_in_what_is_written_what_was_understood(archive: Path) -> None:
    written = written_anew(archive)
    understood = read_archive([written])
    assert not understood.fault
    lines = archive.with_suffix(".json").read_text().splitlines()
    found = [(entry, hashlib.sha256(content).hexdigest()) for entry, content in understood.entries]
    assert found == [read_line(line) for line in lines]
    assert written.endswith(END)
