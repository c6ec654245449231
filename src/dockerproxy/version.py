"""Which version this is, and which versions of the engines' APIs its tables cover."""

from typing import Final

VERSION: Final = "0.2.0"
"""As in the names of releases (https://semver.org)."""

COMMIT: Final = "$Format:%H$".strip("$").removeprefix("Format:%H")
"""Empty in a clone. `git archive` writes it, and so do forges into what they offer to download (.gitattributes)."""

DOCKER_API: Final = "1.56"
PODMAN_API: Final = "6.0"
"""The newest versions of which every operation, parameter and field is in a table."""


def describe() -> str:
    """Return the answer to `--version`."""
    commit = f" (commit {COMMIT[:12]})" if COMMIT else ""
    return f"{VERSION}{commit}\nDocker API up to {DOCKER_API}, Podman API up to {PODMAN_API}"
