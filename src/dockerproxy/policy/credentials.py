"""Credentials for registries, as a person sees them who approves a request.

They stand in the head of a request, as JSON in base64url.
"""

import base64
import re
from typing import Final

from dockerproxy.api.secrets import HIDDEN
from dockerproxy.text import fold
from dockerproxy.wire.document import Json, read_json

_PASSWORDS: Final = ("password", "auth", "identitytoken", "registrytoken")
_IS_BASE64: Final = re.compile(r"[A-Za-z0-9_-]*={0,2}").fullmatch


def show_credentials(text: str) -> Json:
    """Return credentials as the person sees them who approves a request; what has no single reading is the text itself.

    Of a password or token there is only the length: its registry alone gets it, and the registry is shown.
    """
    if not _IS_BASE64(text) or len(text) % 4:
        return text
    said = read_json(base64.urlsafe_b64decode(text))
    if not isinstance(said, dict):
        return text
    return {
        name: {key: _hide(key, below) for key, below in each.items()} if isinstance(each, dict) else _hide(name, each)
        for name, each in said.items()
    }


def _hide(name: str, value: Json) -> Json:
    is_hidden = isinstance(value, str) and value and fold(name) in _PASSWORDS
    return f"{HIDDEN} ({len(str(value))} characters)" if is_hidden else value
