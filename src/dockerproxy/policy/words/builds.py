"""Classic builds of Docker: what the parameters say is judged, and the context passes unread.

Nothing bounds the steps of a build: they run any command as root in an ordinary container, read every image of the
engine (`FROM`, `COPY --from`), and fetch addresses through the host's network and with the client's credentials. The
parameters bound the rest: nothing else of the host, and only image names that `tags` lists.

Podman's builder reads the host by steps and by names of images, so only Docker gets such a build: the proxy asks the
engine over the connection that will carry it (`proxy/lookup`).

Attack: BuildKit, which the proxy cannot read -> Defence: version 2 and sessions need `unrestricted`.
Attack: a context from an address -> Defence: refused.
Attack: a form in the body, whose parameters Docker prefers to the query -> Defence: `policy/body_refusals`.
Attack: an image that looks like a step of another client's build, for which the engine then takes it -> Defence: every
build runs all its steps (test: test_a_contained_build_runs_all_its_steps).
"""

import json
import re
from typing import Final

from dockerproxy.policy.claim import LEAVE_OUT, LeaveOut, Object, Reading
from dockerproxy.policy.references import parse_reference
from dockerproxy.policy.words.images import complete
from dockerproxy.policy.words.tags import claim_name
from dockerproxy.wire.document import Json, object_of, read_json

_BUILT: Final = "dockerproxy.build"
"""A label by which each build ends in an image of its own."""

_IS_CLEAN: Final = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[\w.@+-]+(?:/[\w.@+-]+)*", re.ASCII).fullmatch


def check_dockerfile(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A Dockerfile has a clean name in the context."""
    if value and not _IS_CLEAN(str(value)):
        reading.violate(path, value, "not a valid Dockerfile path")


def check_cache_images(_reading: Reading, _value: Json, _path: str, _parent: Object) -> LeaveOut:
    """Images for a cache go no further: a build that runs all its steps has no use for them."""
    return LEAVE_OUT


def label_built(texts: tuple[str, ...]) -> str:
    """Return the labels of a build, as its parameter has them, with one more.

    Attack: build nothing but `FROM` an image of another client, which so gets one's own name and can be removed by it
    -> Defence: the label is one more step (test: test_a_build_of_nothing_is_an_image_of_its_own).
    """
    labels = read_json(texts[0].encode(errors="surrogateescape")) if any(texts) else None
    return json.dumps({**object_of(labels), _BUILT: "true"}, separators=(",", ":"))


def check_built(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """What is built gets names that the grant lists."""
    texts = [str(text) for text in value] if isinstance(value, list) else []
    for text in filter(None, texts):
        claim_name(reading, parse_reference(text), text, path)
    return [complete(text, parse_reference(text)) for text in texts]
