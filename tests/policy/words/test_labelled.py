"""Objects by their labels."""

from dockerproxy.owner_labels import NEW
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.values import Pairs
from dockerproxy.policy.vocabulary import CONSTRAINTS

CONSTRAINT = CONSTRAINTS["labelled"]


def labelled(**labels: object) -> ResolvedObject:
    return ResolvedObject("1f", ("web",), labels=labels)


VALUES = (
    Pairs((("a", "x"),)),
    Pairs((("a", ("x", "y")),)),
    Pairs((("a", "x"), ("b", ("y", "z")))),
    Pairs((("b", "y"),)),
)
SAMPLES = (
    labelled(),
    labelled(a="x"),
    labelled(a="y", b="y"),
    labelled(a="x", b="z", c="x"),
    labelled(a="z"),
    labelled(b="y"),
    ResolvedObject("web", ("web",), belongs_to=NEW),
)


def test_each_label_must_be_there_with_a_value_that_is_listed() -> None:
    matches = CONSTRAINT.matcher(VALUES[2])
    assert matches(labelled(a="x", b="z"))
    for other in (labelled(a="x"), labelled(a="x", b=""), labelled(a="X", b="y"), labelled(a=None, b="y"), "web"):
        assert not matches(other)


def test_what_does_not_exist_is_not_hidden() -> None:
    assert CONSTRAINT.matcher(VALUES[0])(SAMPLES[-1])


def test_it_says_which_labels() -> None:
    assert CONSTRAINT.describe(VALUES[2]) == "it is labelled a=x and b=y or z"
