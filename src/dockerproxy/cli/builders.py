"""Which builder a program is to use: Docker's clients take BuildKit for granted, also where it cannot be had."""

from collections.abc import Mapping
from typing import Final

from dockerproxy.builds.extra import INSTALL, is_installed
from dockerproxy.cli.request import fetch
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.objects import BUILD

VARIABLE: Final = "DOCKER_BUILDKIT"
"""By which a user, or else `run`, chooses the builder of Docker's clients: 0 is the classic one."""

_PODMAN: Final = b'"Podman Engine"'
"""What Podman says of its parts (libpod, VersionHandler)."""


def find_reason(policy: CompiledPolicy, engine: str, environment: Mapping[str, str]) -> str:
    """Say why a program is to build the classic way; nothing if BuildKit works, or all builds are denied."""
    if VARIABLE in environment or not (policy.reads_builds or policy.allows(BUILD)):
        return ""
    if not policy.reads_builds and not policy.allows("Grpc"):
        return f"{BUILD}: unrestricted is for the classic builder"
    if policy.reads_builds and not is_installed():
        return f"BuildKit needs the package h2: {INSTALL}"
    return "Podman has no BuildKit" if _is_podman(engine) else ""


def _is_podman(engine: str) -> bool:
    try:
        return _PODMAN in fetch(engine, "GET", "/version")[1]
    except OSError:  # The program is told.
        return False
