"""`from`: from where an image is pulled, by its normalised reference. Nothing is imported."""

from collections.abc import Hashable

from dockerproxy.policy.constraints.base import Globs, Matcher
from dockerproxy.policy.globs import fits
from dockerproxy.policy.references import Reference, fault_of_pattern, normalise_pattern, parse_reference
from dockerproxy.policy.values import Value, items_of, list_names


class _From(Globs):
    """Values of claims are references; one without tag and digest is every tag of the name."""

    fault = staticmethod(fault_of_pattern)

    def matcher(self, granted: Value) -> Matcher:
        """Match one image, or all tags of a name that one pattern covers."""
        globs = self.patterns(granted)

        def matches(value: Hashable) -> bool:
            if not isinstance(value, Reference):
                return False
            text = str(value)
            if value.tag or value.digest:
                return any(fits(glob, text) for glob in globs)
            # A star at the end matches the rest of any tag, since tags have no slash.
            return any(glob.endswith("*") and fits(glob, f"{text}:") for glob in globs)

        return matches

    def patterns(self, granted: Value) -> tuple[str, ...]:
        return tuple(map(normalise_pattern, items_of(granted)))

    def least(self, value: Hashable) -> Value | None:
        """List the image; all tags of a name are more than a person reads out of a list."""
        return (str(value),) if isinstance(value, Reference) and (value.tag or value.digest) else None

    def spell(self, item: str) -> Reference | None:
        return parse_reference(item)

    def describe(self, value: Value) -> str:
        return f"the image comes from {list_names(items_of(value))}"


CONSTRAINT = _From(
    "from",
    "from where an image is pulled: references and globs, normalised as Docker does; nothing is imported",
    narrows=True,
)
