"""`labels`: labels that the proxy sets on new objects; and labels on which an engine acts, which are refused.

Podman gives a container the labels of its image, and before 4.6 also annotations of the image's manifest. Their content
is up to the image's author, so no contained grant makes an image with labels on Podman.

Attacks: docs/attacks.md, policy/words/labels.
"""

from collections.abc import Hashable
from typing import Final

from dockerproxy.api.rows import read_rows
from dockerproxy.errors import Refusal
from dockerproxy.owner_labels import NEW, OWNER, RESERVED, STAMP
from dockerproxy.policy.claim import Claim, Object, Reading, Substitute
from dockerproxy.policy.objects import OWN, ResolvedObject
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.words.constraint import Condition, Matcher, Texts
from dockerproxy.wire.document import Json, object_of, read_json, show

_NAMES: Final = (*(name for name, _ in read_rows("acting_labels", 2)), RESERVED)
"""Names, or prefixes of names, of labels and annotations on which a program acts."""

SAYS: Final = "not allowed: an engine, its runtime or this proxy acts on it"

MOST_BYTES: Final = 64 * 1024
"""Bytes of all label keys and values of an object."""


class _Labels(Texts):
    def matcher(self, granted: Value) -> Matcher:
        """Match labels that do not contradict the grant's."""
        return lambda value: not _find_contradiction(granted, value)

    def judge(self, condition: Condition, claim: Claim) -> Substitute:
        """Add the labels."""
        for value, substitute in claim.options:
            if condition.matches(value) and isinstance(value, Pairs) and isinstance(condition.value, Pairs):
                pairs = (*value.items, *condition.value.items)
                put: Object = {name: text for name, text in pairs if isinstance(text, str)}
                return put if claim.target else substitute
        return None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return the labels. A value that was not recorded is a list, which no rule contains."""
        return (least,)

    def problem(self, granted: Value | None, claim: Claim) -> str:
        return _find_contradiction(granted, claim.options[0][0]) if claim.options else claim.says


def _find_contradiction(granted: Value | None, value: object) -> str:
    """Describe the client's label that contradicts the grant; empty if none does.

    Podman takes everything after the first `=` of a name for the value.
    """
    if not isinstance(granted, Pairs) or not isinstance(value, Pairs):
        return "are not valid labels"
    given, put = dict(value.items), dict(granted.items)
    for name, text in put.items():
        if given.get(name, text) != text:
            own = given[name]
            said = f"{show(name)} as {show(own)}" if isinstance(own, str) else show(name)
            return f"has {said}, but the rule sets {show(str(text))}"
    for name in given:
        if "=" in name and name.partition("=")[0] in put:
            return f"has {show(name)}, which could be mistaken for a label of the rule"
    return ""


def acts(name: str) -> bool:
    """Whether a program acts on a label or an annotation of that name."""
    return any(each in name for each in _NAMES)


def check_image_labels(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Labels of an image must not make an engine or its runtime act."""
    labels = read_json(value.encode(errors="surrogateescape")) if isinstance(value, str) and value else value
    names = labels if isinstance(labels, dict) else ()
    if isinstance(labels, Refusal) or (labels and not names) or not all(isinstance(name, str) for name in names):
        reading.violate(path, value, "not valid labels")
    _bound(reading, names, path)
    for name in map(str, names):
        if acts(name):
            reading.violate(f"{path}[{show(name)}]", labels[name] if isinstance(labels, dict) else name, SAYS)
        elif "$" in name:  # Podman turns it into a LABEL.
            reading.violate(f"{path}[{show(name)}]", name, "not allowed: a variable may change it")


def check_volume_labels(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Labels of an implicit volume are not limited by the grant, but no engine may act on them."""
    _look_at(reading, object_of(value), path, stamped=reading.request.operation.name == "ContainerCreate")


def _claim_stamp(reading: Reading, name: str, label: Json, path: str) -> None:
    """Claim a label of the client's own stamp, as in an inspection: it is set anew, or removed."""
    owner = "" if label == NEW else str(label)
    mine = ResolvedObject("", (), belongs_to=owner if name == OWNER else NEW)
    reading.claim(OWN, mine, f"{path}[{show(name)}]", label, SAYS, without=False)


def check_labels(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """The client's labels. No engine may act on them."""
    labels = object_of(value)
    _look_at(reading, labels, path, stamped=True)
    pairs = Pairs(tuple(labels.items()))  # type: ignore[arg-type] # they are texts: the table says so
    reading.claim("labels", pairs, path, None, target=path)


def _look_at(reading: Reading, labels: Object, path: str, *, stamped: bool) -> None:
    """Check whether an engine acts on a label. `stamped` allows those of the client's own stamp."""
    _bound(reading, labels, path)
    for name in labels if acts("\n".join(labels)) else ():  # One long text is faster to search than many.
        if stamped and name in STAMP:
            _claim_stamp(reading, name, labels[name], path)
        elif acts(name):
            reading.violate(f"{path}[{show(name)}]", labels[name], SAYS)


def _bound(reading: Reading, labels: Object | list[Json] | tuple[()], path: str) -> None:
    """Record labels that are too long together."""
    pairs = labels.items() if isinstance(labels, dict) else enumerate(labels)
    if sum(len(f"{name}{label}".encode(errors="surrogatepass")) for name, label in pairs) > MOST_BYTES:
        reading.violate(path, None, f"has more than {MOST_BYTES >> 10} KiB of keys and values")


WORDS: Final = (_Labels("labels", "labels that the proxy sets; the client may not set other values", narrows=True),)
CHECKS: Final = (check_labels, check_image_labels, check_volume_labels)
