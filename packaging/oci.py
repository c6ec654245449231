"""Write a folder as an image: an OCI archive that `docker load`, `podman load` and `skopeo copy oci-archive:` read.

    oci.py FOLDER ARCHITECTURE FILE

The same files give the same bytes: everything is sorted, belongs to root, and has the date of SOURCE_DATE_EPOCH.
"""

import gzip
import hashlib
import json
import os
import sys
import tarfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from files import SOURCES

sys.path.insert(0, str(SOURCES))
from dockerproxy.version import COMMIT, VERSION

DATE: Final = int(os.environ["SOURCE_DATE_EPOCH"])
SECOND: Final = 10**9
OCI: Final = "application/vnd.oci.image"

# The Dockerfile sets the same values for its image (test: test_the_dockerfile_makes_the_same_image).
RUN: Final = {
    "User": "0:0",
    "Env": ["PATH=/usr/bin", "SHUTDOWN_GRACE=5"],
    "Entrypoint": ["dockerproxy"],
    "Cmd": ["serve"],
    "WorkingDir": "/",
    "StopSignal": "SIGTERM",
    "Healthcheck": {
        "Test": ["CMD", "dockerproxy", "healthcheck"],
        "Interval": 30 * SECOND,
        "Timeout": 5 * SECOND,
        "StartPeriod": 30 * SECOND,
        "StartInterval": SECOND,
    },
}


def main(folder: Path, architecture: str, file: Path) -> None:
    """Write the archive."""
    blobs: dict[str, bytes] = {}
    labels = describe()
    layer = write_layer(folder)
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": labels["org.opencontainers.image.created"],
        "config": {**RUN, "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created": labels["org.opencontainers.image.created"], "created_by": "packaging/image"}],
    }
    packed = add(blobs, f"{OCI}.layer.v1.tar+gzip", gzip.compress(layer, compresslevel=6, mtime=0))
    configured = add(blobs, f"{OCI}.config.v1+json", encode(config))
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": configured,
        "layers": [packed],
        "annotations": labels,
    }
    image = add(blobs, f"{OCI}.manifest.v1+json", encode(manifest))
    image["annotations"] = {
        "io.containerd.image.name": f"docker.io/library/dockerproxy:{VERSION}",
        "org.opencontainers.image.ref.name": VERSION,
    }
    index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [image]}
    # `docker load` reads this if Docker does not store images in containerd.
    docker = [{"Config": path(configured), "RepoTags": [f"dockerproxy:{VERSION}"], "Layers": [path(packed)]}]
    files = {
        "index.json": encode(index),
        "manifest.json": encode(docker),
        "oci-layout": encode({"imageLayoutVersion": "1.0.0"}),
    }
    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in sorted({**blobs, **files}.items()):
            member = clean(tarfile.TarInfo(name))
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    print(f"{image['digest']} {file.name}")


def describe() -> dict[str, str]:
    """Return the labels of the image, which are also the annotations of its manifest."""
    labels = {
        "title": "dockerproxy",
        "description": "A filtering proxy for the Docker and Podman socket, over unix sockets only",
        "licenses": "Apache-2.0",
        "version": VERSION,
        "revision": COMMIT,
        "source": os.environ.get("IMAGE_SOURCE", ""),
        "created": datetime.fromtimestamp(DATE, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {f"org.opencontainers.image.{name}": value for name, value in labels.items() if value}


def write_layer(folder: Path) -> bytes:
    """Pack a folder."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for each in sorted(folder.rglob("*")):
            archive.add(each, str(each.relative_to(folder)), recursive=False, filter=clean)
    return packed.getvalue()


def clean(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Replace the owner and the time of a file by fixed ones."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = DATE
    return member


def encode(document: object) -> bytes:
    """Write JSON."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def add(blobs: dict[str, bytes], kind: str, content: bytes) -> dict[str, Any]:
    """Add a blob, and return its descriptor."""
    digest = hashlib.sha256(content).hexdigest()
    blobs[f"blobs/sha256/{digest}"] = content
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}


def path(pointer: dict[str, Any]) -> str:
    """Return the name of a blob in the archive."""
    return f"blobs/{pointer['digest'].replace(':', '/')}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
