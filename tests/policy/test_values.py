"""Values are merged to what says both, if there is such a value."""

from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.policy.values import Pairs, Value, items_of, merge


@for_each(
    ("one", "other", "merged"),
    [
        (True, True, True),
        (True, False, None),
        ("1GiB", "1GiB", "1GiB"),
        ("1GiB", "2GiB", None),
        (("a", "b"), ("b", "c"), ("a", "b", "c")),
        ((("ls",),), (("ls",), ("rm", "a")), (("ls",), ("rm", "a"))),
        ((), ("a",), ("a",)),
        (("a",), "a", None),
        (
            Pairs((("ports", ("80",)),)),
            Pairs((("addresses", ("::",)), ("ports", ("80", "81")))),
            Pairs((("ports", ("80", "81")), ("addresses", ("::",)))),
        ),
        (Pairs((("owner", "ci"),)), Pairs((("a", "b"),)), Pairs((("owner", "ci"), ("a", "b")))),
        (Pairs((("owner", "ci"),)), Pairs((("owner", "me"),)), Pairs((("owner", "me"),))),
        (Pairs(()), ("a",), None),
    ],
)
def test_values_of_the_same_form_are_merged(one: Value, other: Value, merged: Value | None) -> None:
    assert merge(one, other) == merged


LISTS = st.lists(st.sampled_from("abc"), max_size=4, unique=True).map(tuple)
PARTS = st.dictionaries(st.sampled_from(["ports", "addresses"]), LISTS).map(lambda each: Pairs(tuple(each.items())))


@given(LISTS, LISTS)
def test_a_merged_list_has_every_item_once(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    merged = merge(one, other)
    assert isinstance(merged, tuple)
    assert set(merged) == {*one, *other}
    assert len(merged) == len(set(merged))
    assert merge(merged, other) == merged


@given(PARTS, PARTS)
def test_merged_parts_have_what_both_have(one: Pairs, other: Pairs) -> None:
    merged = merge(one, other)
    assert isinstance(merged, Pairs)
    for name, texts in merged.items:
        assert {*texts} == {*dict(one.items).get(name, ()), *dict(other.items).get(name, ())}


def test_only_lists_of_words_have_items() -> None:
    assert items_of(("a", "b")) == ("a", "b")
    assert (
        items_of((("a", "b"),)) == items_of(Pairs(())) == items_of("a") == items_of(None) == items_of(value=True) == ()
    )
