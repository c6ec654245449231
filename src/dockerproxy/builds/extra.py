"""The optional dependency for builds: h2, for HTTP/2, which only `builds/calls` imports."""

from importlib.util import find_spec
from typing import Final

INSTALL: Final = "pip install 'dockerproxy[builds]'"


def is_installed() -> bool:
    """Whether h2 is installed."""
    return find_spec("h2") is not None
