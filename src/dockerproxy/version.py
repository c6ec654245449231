"""The version of the proxy, and the newest versions of the engines' APIs that its tables cover."""

from typing import Final

VERSION: Final = "0.2.0"
"""The version, as in the names of releases (https://semver.org)."""

COMMIT: Final = "$Format:%H$".strip("$").removeprefix("Format:%H")
"""The commit, empty in a clone. `git archive` writes it, also in the downloads of forges (.gitattributes)."""

DOCKER_API: Final = "1.56"
PODMAN_API: Final = "6.0"
"""The newest versions whose operations, parameters and fields are all in the tables."""


def describe() -> str:
    """Return the answer to `--version`."""
    commit = f" (commit {COMMIT[:12]})" if COMMIT else ""
    return f"{VERSION}{commit}\nDocker API up to {DOCKER_API}, Podman API up to {PODMAN_API}"
