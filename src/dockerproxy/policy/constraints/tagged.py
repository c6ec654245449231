"""`tagged`: that each image of an archive has a name, so that none is loaded that `tags` does not speak of.

Attack: an image without a name in a list of which only one engine reads -> Defence: both lists are read
(test: test_each_image_of_each_list_has_a_name).
Attack: an archive of the old form, with images that no list names -> Defence: there must be a list
(test: test_an_archive_lists_its_images).
"""

from typing import Final

from dockerproxy.policy.claim import Check, Object, Reading
from dockerproxy.policy.constraints.base import Choice
from dockerproxy.wire.document import Json


def _check(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Must have a name, if the grant demands it."""
    reading.claim("tagged", bool(value), path, None, "has an image without a name")


CONSTRAINT = Choice("tagged", "each image of the archive must have a name", "required")

READS: Final[dict[tuple[str, str], Check]] = {
    ("ImageLoad", "manifest.json[]"): _check,
}
