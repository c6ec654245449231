"""`read_only`: the container's own files must be read-only. Mounts are judged separately.

Attacks: docs/attacks.md, policy/words/read_only.
"""

from typing import Final

from dockerproxy.policy.claim import Object, Reading
from dockerproxy.policy.words.constraint import Choice
from dockerproxy.policy.words.mounts import look_at_added
from dockerproxy.wire.document import Json


def check_read_only(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Must be true if the grant requires it."""
    says = "but must be true" if value is False else "must be true"
    reading.claim("read_only", value is True, path, None if value is True else value, says)


def check_read_only_root(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """Must be true if the grant requires it."""
    check_read_only(reading, value, path, parent)
    look_at_added(reading, value, path, parent)


WORDS: Final = (Choice("read_only", "its own files must be read-only", "required"),)
CHECKS: Final = (check_read_only, check_read_only_root)
