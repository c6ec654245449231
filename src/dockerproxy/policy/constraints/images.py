"""`images` that an operation is about, and `tags` that an image may be given: without these none may."""

from typing import Final

from dockerproxy.policy.constraints.base import Constraint, Objects
from dockerproxy.policy.objects import is_full_id
from dockerproxy.policy.references import fault_of_pattern, normalise_pattern
from dockerproxy.policy.values import Value, items_of


class _Images(Objects):
    fault = staticmethod(fault_of_pattern)

    def patterns(self, granted: Value) -> tuple[str, ...]:
        """Return the patterns over normalised references."""
        return tuple(normalise_pattern(item) for item in items_of(granted) if not is_full_id(item))


class _Tags(_Images):
    describe = Constraint.describe


CONSTRAINTS: Final = (
    _Images(
        "images", "which images, by reference, glob or full id; references are normalised as Docker does", narrows=True
    ),
    _Tags("tags", "which names an image may be given, as references and globs"),
)
