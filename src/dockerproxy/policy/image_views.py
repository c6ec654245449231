"""Names of images in answers: a client that owns images sees its own names, and those of nobody's that it may see.

Attack: names that others, or the proxy, gave to the same image -> Defence: each field that has names is cut to those
that may be seen (test: test_names_of_others_are_not_shown).
Attack: see which containers of others run an image that many may see, how much other images have in common with it,
where others pulled it from or pushed it to, what they call it, or when they gave it a name -> Defence: nothing is said
of that (test: test_who_else_uses_an_image_is_not_shown).
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Final

from dockerproxy.api.answers import REST, Node
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.hiding import cut
from dockerproxy.policy.image_lists import find_meant, read_dangling, read_patterns
from dockerproxy.policy.image_marks import ImageOwner
from dockerproxy.policy.lists import read_list
from dockerproxy.policy.objects import KINDS, Kind, Lookup, ResolvedObject, get_object
from dockerproxy.policy.references import parse_reference

_FIELDS: Final = ("History", "Names", "NamesHistory", "RepoDigests", "RepoTags", "Tags", "tags")
"""Fields of Docker's and Podman's answers about images that are lists of names; of others they stay as they are."""

_IDENTITY: Final[Mapping[str, Node]] = {"Identity": lambda _: "null"}
_NEVER: Final = '"0001-01-01T00:00:00Z"'
_USES: Final[Mapping[str, Node]] = {
    "Metadata": {"LastTagTime": lambda _: _NEVER, REST: str},  # So Docker writes it of an image without a name.
    "Descriptor": {"annotations": lambda _: "null", REST: str},  # An archive's, by which containerd took its name.
    **dict.fromkeys(("Containers", "SharedSize"), lambda _: "-1"),  # So Docker says that it did not count.
    "Manifests": {"ImageData": {"Containers": lambda _: "[]", **_IDENTITY, REST: str}, REST: str},
    **_IDENTITY,
}
"""Where answers say who else uses an image."""


def show_names(
    request: CanonicalRequest, owner: ImageOwner, named: ResolvedObject | None, content: bytes
) -> bytes | None:
    """Return the content of an answer with the names that its client may see; None if it cannot be read.

    The image that the request names is told where it is known: a history does not say which it is.
    """
    operation = request.operation
    if operation.name not in KINDS:
        return _show_list(request, owner, content)
    if operation.name.startswith("ImageInspect"):
        read = read_object(Lookup(Kind.IMAGE, "", "", operation), content, request.version)
        if not isinstance(read, ResolvedObject):
            return None
        named = read
    return _show(owner.shown(named or ResolvedObject("", ())), content)


def _show_list(request: CanonicalRequest, owner: ImageOwner, content: bytes) -> bytes | None:
    answer = read_list(request.operation, content, request.version)
    if answer is None:
        return None
    parts, patterns, dangling = list[bytes | None](), read_patterns(request), read_dangling(request)
    for each in answer.elements:
        found = get_object(each.found)
        names = find_meant(patterns, owner.shown(found), found.id)
        is_dangling = not names and (owner.has(found) or not found.names)  # A list may have others' images, too.
        if names is not None and dangling in {None, is_dangling}:
            parts.append(_show(names, answer.text[each.start : each.stop].encode(errors="surrogateescape")))
    known = [part for part in parts if part is not None]
    return b"[%b]\n" % b",".join(known) if len(known) == len(parts) else None


def _show(names: frozenset[str], content: bytes) -> bytes | None:
    write = partial(_keep_shown, names)
    fields: Mapping[str, Node] = {**dict.fromkeys(_FIELDS, write), **_USES, REST: str}
    return cut(content, fields)


def _keep_shown(shown: frozenset[str], text: str) -> str:
    """Return a list of names without those that are not shown; what is no such list stays."""
    value = json.loads(text)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return text
    kept = [each for each in value if str(parse_reference(each)) in shown]
    return text if kept == value else json.dumps(kept)
