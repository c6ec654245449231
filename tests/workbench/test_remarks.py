"""Remarks say what patterns stand for, in few words."""

from dockerproxy.workbench.remarks import describe_items, explain, explain_commands, is_explanation, share


def test_a_share_of_requests_is_said() -> None:
    assert (share(2, 2), share(1, 3)) == ("every request", "1 of 3 requests")


def test_a_pattern_is_explained_by_names_that_it_stands_for() -> None:
    said = explain("names", "ci-*", ("ci-1", "ci-2"))
    assert said == 'names: "ci-*" stands for names like ci-1 and ci-2'
    assert is_explanation(said)
    assert is_explanation(explain("volumes", "?" * 12, ("1f7eba7c3a41",)))
    assert not is_explanation(explain("names", "ci-*", ()))


def test_patterns_of_commands_are_explained_by_one_of_them() -> None:
    assert not list(explain_commands({}))
    known: dict[str | tuple[str, ...], tuple[str | tuple[str, ...], ...]] = {
        ("b", "*"): (("b", "2"),),
        ("a", "?"): (("a", "1"),),
    }
    assert list(explain_commands(known)) == ['commands: * and ? stand for parts that programs generate, as in [a, "1"]']


def test_long_lists_and_items_are_cut() -> None:
    assert describe_items(()) == ""
    assert describe_items(("x" * 100, *"abcdef")) == f"; seen were {'x' * 80}..., a, b, c, d and 2 more"
