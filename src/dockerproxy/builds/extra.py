"""The extra that builds need: HTTP/2 is spoken by h2, which only `builds/calls` imports."""

from importlib.util import find_spec
from typing import Final

INSTALL: Final = "pip install 'dockerproxy[builds]'"


def is_installed() -> bool:
    """Whether calls of BuildKit can be read."""
    return find_spec("h2") is not None
