"""`images` that an operation is about, and `tags` that an image may be given: without these none may."""

from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.globs import fits
from dockerproxy.policy.objects import ResolvedObject, is_full_id
from dockerproxy.policy.references import Reference, fault_of_pattern, normalise_pattern
from dockerproxy.policy.values import Value, is_literal, items_of
from dockerproxy.policy.words.constraint import Constraint, Matcher, Objects


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


class _Shown(_Images):
    """`images` as `own` shows them: by their names alone."""

    def matcher(self, granted: Value) -> Matcher:
        """Match an image that has a name."""
        matches = super().matcher(granted)
        return lambda value: isinstance(value, ResolvedObject) and bool(value.names) and matches(value)


class _Tags(_Images):
    describe = Constraint.describe

    @staticmethod
    def fault(item: str) -> str:
        """Return why a pattern is none over names that one client has for itself; empty if all is well."""
        if is_full_id(item):
            return "an image is given a name, and no ID"
        return fault_of_pattern(item) or ("" if begins_literally(item) else TOO_WIDE)


TOO_WIDE: Final = "write the registry, and at least the first character of the name behind it, like ghcr.io/acme/*"


def begins_literally(item: str) -> bool:
    """Whether a pattern is literal up to and including the first character of the path behind the registry."""
    registry, _, path = normalise_pattern(item).partition("/")
    return is_literal(registry) and path != "" and is_literal(path[0])


_IMAGES: Final = "which images, by reference, glob or full id; references are normalised as Docker does"

SHOWN: Final = _Shown("images", _IMAGES, narrows=True)

CONSTRAINTS: Final = (
    _Images("images", _IMAGES, narrows=True),
    _Tags("tags", "which names may be given to an image, or taken away, as references and globs that begin literally"),
)
