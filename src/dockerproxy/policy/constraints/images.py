"""`images`: the images that an operation is about, by reference, pattern or full id, normalised as Docker does."""

from dockerproxy.policy.constraints.base import Objects
from dockerproxy.policy.objects import is_full_id
from dockerproxy.policy.references import fault_of_pattern, normalise_pattern
from dockerproxy.policy.values import Value, items_of


class Images(Objects):
    """References of images, by pattern or full id."""

    fault = staticmethod(fault_of_pattern)

    def patterns(self, granted: Value) -> tuple[str, ...]:
        """Return the patterns over normalised references."""
        return tuple(normalise_pattern(item) for item in items_of(granted) if not is_full_id(item))


CONSTRAINT = Images(
    "images", "which images, by reference, glob or full id; references are normalised as Docker does", narrows=True
)
