"""`labelled`: the labels that an object must have, each with its value or one of several.

A container also has the labels of its image, so a client that chooses the image can add any label. `own` is the safe
alternative.
"""

from collections.abc import Hashable, Mapping
from typing import Final

from dockerproxy.owner_labels import NEW
from dockerproxy.policy.objects import LABELLED, ResolvedObject
from dockerproxy.policy.values import Pairs, Takes, Value
from dockerproxy.policy.words.constraint import Constraint, Matcher


class _Labelled(Constraint):
    takes = Takes.LABELS
    is_learned = False

    def matcher(self, granted: Value) -> Matcher:
        """Match an object that has each label with one of its values, and a missing object."""
        wanted = _read(granted)

        def matches(value: Hashable) -> bool:
            if not isinstance(value, ResolvedObject):
                return False
            has_all = all(value.labels.get(name) in values for name, values in wanted.items())
            return has_all or value.belongs_to == NEW

        return matches

    def within(self, inner: Value, outer: Value) -> bool:
        """Whether the inner value requires each label of the outer one, with no other values."""
        narrow = _read(inner)
        return all(name in narrow and set(narrow[name]) <= set(values) for name, values in _read(outer).items())

    def describe(self, value: Value) -> str:
        texts = (f"{name}={' or '.join(values)}" for name, values in _read(value).items())
        return f"it is labelled {' and '.join(texts)}"


def _read(value: Value) -> Mapping[str, tuple[str, ...]]:
    items = value.items if isinstance(value, Pairs) else ()
    return {name: (texts,) if isinstance(texts, str) else texts for name, texts in items}


_SUMMARY: Final = "the labels that it must have, each with its value or a list of values"
WORDS: Final = (_Labelled(LABELLED, _SUMMARY, narrows=True),)
