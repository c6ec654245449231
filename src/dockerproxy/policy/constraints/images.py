"""`images` that an operation is about, and `tags` that an image may be given: without these none may."""

from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.constraints.base import Constraint, Matcher, Objects
from dockerproxy.policy.globs import fits
from dockerproxy.policy.objects import is_full_id
from dockerproxy.policy.references import Reference, fault_of_pattern, normalise_pattern
from dockerproxy.policy.values import Value, items_of


class _Images(Objects):
    fault = staticmethod(fault_of_pattern)

    def matcher(self, granted: Value) -> Matcher:
        """Match an image, or what is pulled: one image, or all tags of a name that one pattern covers."""
        matches, globs = super().matcher(granted), self.patterns(granted)

        def fits_any(value: Hashable) -> bool:
            if not isinstance(value, Reference):
                return matches(value)
            text = str(value)
            if value.tag or value.digest:
                return any(fits(glob, text) for glob in globs)
            # A star at the end matches the rest of any tag, since tags have no slash.
            return any(glob.endswith("*") and fits(glob, f"{text}:") for glob in globs)

        return fits_any

    def least(self, value: Hashable) -> Value | None:
        """List what is pulled; all tags of a name are more than a person reads out of a list."""
        if isinstance(value, Reference):
            return (str(value),) if value.tag or value.digest else None
        return super().least(value)

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
