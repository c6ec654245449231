"""The images the tests run: the proxy's, and busybox, of this machine's static binary, since no registry is asked."""

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from urllib.parse import urlencode

from e2e.talk import ask
from waiting import PATIENCE

BUSYBOX = "busybox:latest"
FOLDERS = ("bin", "etc", "root", "tmp")
FILES = {"etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n", "etc/group": b"root:x:0:\n"}


def busybox_root() -> bytes:
    """Make a root file system: the binary, a link for each of its commands, and a user."""
    binary = shutil.which("busybox")
    if binary is None:
        message = "the tests need busybox-static"
        raise FileNotFoundError(message)
    commands = subprocess.run([binary, "--list"], check=True, capture_output=True, text=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in FOLDERS:
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(member)
        for name, content in {"bin/busybox": Path(binary).read_bytes(), **FILES}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755 if name.startswith("bin/") else 0o644
            tar.addfile(member, io.BytesIO(content))
        for command in commands:
            if command != "busybox":
                member = tarfile.TarInfo(f"bin/{command}")
                member.type, member.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(member)
    return buffer.getvalue()


def make_archive(tree: Path, debs: Path, folder: Path) -> Path:
    """Make an archive of the proxy's image, and return it."""
    archive = folder / "image.oci.tar"
    environment = {**os.environ, "DEBS": str(debs), "SOURCE_DATE_EPOCH": "1700000000"}
    words = (str(tree / "packaging/image"), str(folder / "files"), str(archive))
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, env=environment, timeout=10 * PATIENCE)  # It asks apt.
    return archive


def import_image(socket: Path, reference: str, root: bytes, *changes: str) -> None:
    """Give the engine behind the socket an image with that root file system, and a shell to start or these changes."""
    name, tag = reference.rsplit(":", 1)
    words = {"fromSrc": "-", "repo": name, "tag": tag, "changes": changes or ('CMD ["sh"]',)}
    query = urlencode(words, doseq=True)
    answer = ask(socket, "POST", f"/images/create?{query}", root, {"Content-Type": "application/x-tar"})
    if answer.status != 200 or b'"error"' in answer.body:
        message = f"no image {reference}: {answer.body.decode()}"
        raise RuntimeError(message)
