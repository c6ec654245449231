"""Dockerfiles as the parsers of engines read them, kept in `tests/corpus/dockerfiles`, and compared with ours."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dockerproxy.policy.claims.dockerfile_steps import Budget, read_steps

KEPT: Final = Path(__file__).parents[2] / "corpus" / "dockerfiles" / "readings.jsonl"

TRANSPORTS: Final = (
    *("atomic", "containers-storage", "dir", "docker-archive", "docker-daemon", "oci", "oci-archive", "ostree", "sif"),
    "tarball",
)
"""What the name of an image begins with that Podman reads from the host."""

_REACHING: Final = frozenset({"RUN", "FROM", "COPY", "ADD", "ARG"})

Asked = tuple[bytes, Mapping[str, str]]
"""A Dockerfile, and what a client sets its variables to."""


def read_kept() -> Iterator[tuple[bytes, Mapping[str, str], Mapping[str, Any]]]:
    """Return the Dockerfiles that are kept, what a client sets, and what engines read in each."""
    for line in filter(None, KEPT.read_text(encoding="utf-8").split("\n")):
        kept = json.loads(line)
        yield base64.b64decode(kept["content"]), kept["given"], kept["told"]


def find_differences(content: bytes, given: Mapping[str, str], told: Mapping[str, Any]) -> Iterator[str]:
    """Yield what engines read in a Dockerfile that was let through, and that was not looked at or is not allowed."""
    del given
    seen = [(step.name, list(step.flags)) for step in read_steps(content, Budget())]
    for reader in ("podman", "buildkit"):
        for step in told[reader] or ():
            if step["name"] in _REACHING and (step["name"], step["flags"] or []) not in seen:
                yield f"{reader} reads {step}"
    for image in told["images"] or ():
        if image.startswith(tuple(f"{name}:" for name in TRANSPORTS)):
            yield f"podman reads the image {image}"
    for network in told["networks"] or ():
        if network not in {"", "none", "default"}:
            yield f"podman runs a step on {network}"
    for mount in told["mounts"] or ():
        if not any(f"--mount={mount}" in flags for _, flags in seen):
            yield f"podman mounts {mount}"
