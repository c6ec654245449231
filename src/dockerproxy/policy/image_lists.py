"""A list of images that a client narrows to its own, by the filter that does so for containers: the label of its stamp.

No label says whose an image is, so the engine does not get the filter. What is own is shown, with its own names;
nobody's is not.

Attack: the label of another's -> Defence: only the client's own name is understood; other filters are the engine's, and
narrow what may be seen (test: test_only_the_own_name_narrows_a_list_of_images).
Attack: a filter that fits another's name and not its mark, which Docker leaves out then, so that the name is nobody's
-> Defence: the marks come from a list without filters (test: test_a_filter_takes_no_mark_away).
"""

import json
from dataclasses import replace
from typing import Final

from dockerproxy.api.request import RESERVED, CanonicalRequest
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.own import own_by
from dockerproxy.policy.lists import LISTS
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import OWN, Kind
from dockerproxy.policy.stamps import OWNER
from dockerproxy.text import fold
from dockerproxy.wire.document import read_json, write_json

WHOLE: Final = "/images/json?all=1"
"""What lists all images with all their names."""


def leaves_out_names(request: CanonicalRequest) -> bool:
    """Whether a list may lack names of the images that it shows."""
    return request.operation.name == "ImageList" and any(request.values("filters") + request.values("filter"))


def with_marks(content: bytes, whole: bytes) -> bytes | None:
    """Return a list with the marks that it lacks, by one of all images; None if they cannot be read.

    A digest is shown if the tags of its repository are, so these are there, too.
    """
    try:
        images, tags = json.loads(content), {each["Id"]: each["RepoTags"] or [] for each in json.loads(whole)}
        images = [each for each in images if each["Id"] in tags]
        for image in images:
            named = {*(image["RepoTags"] or ()), *(each.partition("@")[0] for each in image["RepoDigests"] or ())}
            image["RepoTags"] = [
                tag
                for tag in tags[image["Id"]]
                if tag in named or tag.rpartition(":")[0] in named or tag.startswith(f"{RESERVED}/")
            ]
        return json.dumps(images).encode()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def narrow(request: CanonicalRequest, decision: Decision) -> tuple[CanonicalRequest, Decision]:
    """Return what goes to the engine of a list of images, and what of its answer is shown."""
    if decision.images is None or not decision.shows or LISTS.get(request.operation.name) is not Kind.IMAGE:
        return request, decision
    given, label = request.values("filters"), f"{OWNER}={decision.images.name}"
    filters = read_json(given[0].encode(errors="surrogateescape")) if len(given) == 1 and given[0] else None
    if not isinstance(filters, dict) or filters.get("label") not in ([label], {label: True}):
        return request, decision
    left = write_json({key: value for key, value in filters.items() if key != "label"}).decode()
    others = tuple(pair for pair in request.query if fold(pair[0]) != "filters")
    own = Condition(own_by(decision.images.name), value=True)
    decision = replace(decision, shows=({OWN: own},), images=decision.images._replace(granted=()))
    return request._replace(query=(*others, ("filters", left))), decision
