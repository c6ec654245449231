"""Choose the builder for a program, because Docker's clients assume BuildKit even if it is unavailable."""

from collections.abc import Mapping
from typing import Final

from dockerproxy.builds.extra import INSTALL, is_installed
from dockerproxy.cli.request import fetch
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.objects import BUILD

VARIABLE: Final = "DOCKER_BUILDKIT"
"""Chooses the builder of Docker's clients: 0 is the classic one. `run` sets it unless the user did."""

_PODMAN: Final = b'"Podman Engine"'
"""A component in Podman's answer to /version (libpod, VersionHandler)."""


def find_reason(policy: CompiledPolicy, engine: str, environment: Mapping[str, str]) -> str:
    """Explain why a program must use the classic builder; empty if BuildKit works or all builds are denied."""
    if VARIABLE in environment or not (policy.reads_builds or policy.allows(BUILD)):
        return ""
    if not policy.reads_builds and not policy.allows("Grpc"):
        return f"{BUILD}: unrestricted applies to the classic builder only"
    if policy.reads_builds and not is_installed():
        return f"BuildKit needs the package h2: {INSTALL}"
    return "Podman has no BuildKit" if _is_podman(engine) else ""


def _is_podman(engine: str) -> bool:
    try:
        return _PODMAN in fetch(engine, "GET", "/version")[1]
    except OSError:  # The program itself will see the error.
        return False
