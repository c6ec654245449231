"""A glob matches what its few signs say, whatever the name, and no name makes it slow."""

import time

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.policy.globs import covers, fits, list_rests, reaches_below
from dockerproxy.policy.values import is_literal

MANY = 65_536
NAMES = st.text("aab/", max_size=11) | st.text("aA/*?.[]\\\n\0é\udcff", max_size=8)
GLOBS = st.lists(
    st.sampled_from(["a", "a", "b", "/", "/", "*", "**", "***", "?", "[", "\\", ".", "\n"]), max_size=9
).map("".join)


def matches_slowly(glob: str, name: str) -> bool:
    """Read the rules word by word, trying everything."""
    above = glob.rstrip("*")
    takes_in_directory = glob.endswith("/" + "*" * max(2, len(glob) - len(above))) and above != "/"
    return (takes_in_directory and follows(above.removesuffix("/"), name)) or follows(glob, name)


def follows(glob: str, name: str) -> bool:
    rest = glob.lstrip("*")
    stars = len(glob) - len(rest)
    if stars:
        ends = range(len(name) + 1) if stars > 1 else range(len(name.partition("/")[0]) + 1)
        return any(follows(rest, name[end:]) for end in ends)
    if not glob or not name:
        return glob == name
    return (glob[0] == name[0] or (glob[0] == "?" and name[0] != "/")) and follows(glob[1:], name[1:])


def fill(sign: str, text: str) -> str:
    """Return something that a sign of a glob stands for."""
    segment = text.replace("/", "")
    return {"*": segment, "**": text, "?": (segment + "x")[0]}.get(sign, sign)


@for_each(
    ("glob", "names"),
    [
        ("web", ["web"]),
        ("", [""]),
        ("web-*", ["web-", "web-1", "web-\n", "web-*", "web-\0"]),
        ("*", ["", "a", "a:b@c", "."]),
        ("?", ["a", "?", "\n", "é"]),
        ("a*c?e", ["ac?e", "abcde", "acccde"]),
        ("a**c", ["ac", "a/b/c", "a//c"]),
        ("**", ["", "/", "a/b\n"]),
        ("/data/**", ["/data", "/data/", "/data/a", "/data/a/b"]),
        ("/d*/**", ["/d", "/data", "/data/a"]),
        ("/**", ["/", "/a", "/a/b"]),
        ("**/**", ["a", "a/b", ""]),
        ("a/**/b", ["a//b", "a/x/b", "a/x/y/b"]),
        ("[a-z]", ["[a-z]"]),
        (r"\*", ["\\", r"\a"]),
        ("a.c", ["a.c"]),
        ("(a|b)+$^{2}", ["(a|b)+$^{2}"]),
    ],
)
def test_these_match(glob: str, names: list[str]) -> None:
    for name in names:
        assert fits(glob, name), name


@for_each(
    ("glob", "names"),
    [
        ("web", ["", "Web", "WEB", "web\n", "\nweb", "web\0", "web2", "a\nweb"]),
        ("", ["a", "\n"]),
        ("web-*", ["web", "web-/a", "a\nweb-1", "Web-1"]),
        ("*", ["/", "a/", "/a"]),
        ("?", ["", "/", "aa", "a\n"]),
        ("*\n", ["a", "a\n\n/"]),
        ("a*c?e", ["ace", "ac/e", "a/cde", "abcdef"]),
        ("/data/**", ["/dat", "/data2", "/data\n", "/database/a", "data/a", "/x/data"]),
        ("/data/*", ["/data", "/data/a/b"]),
        ("/data/***x", ["/data"]),
        ("/**", ["", "a"]),
        ("a/**/b", ["a/b", "ab"]),
        ("[a-z]", ["a"]),
        ("a.c", ["abc"]),
    ],
)
def test_these_do_not_match(glob: str, names: list[str]) -> None:
    for name in names:
        assert not fits(glob, name), name


@given(GLOBS, NAMES)
def test_what_matches_is_what_the_rules_say(glob: str, name: str) -> None:
    expected = matches_slowly(glob, name)
    event(f"matches: {expected}")
    assert fits(glob, name) is expected


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "/", "?", "*", "**"]), NAMES), max_size=8))
def test_what_is_made_of_a_glob_matches_it(parts: list[tuple[str, str]]) -> None:
    name = "".join(fill(sign, text) for sign, text in parts)
    assert fits("".join(sign for sign, _ in parts), name)


@given(NAMES, NAMES)
def test_a_literal_matches_itself_alone(text: str, name: str) -> None:
    assert is_literal(text) is not bool({"*", "?"} & set(text))
    if is_literal(text):
        assert fits(text, name) is (text == name)
        assert fits(text, text)


@for_each("name", ["a", "a/", "/", "aa/", "ab", f"{'a' * 999}/"], ids=lambda name: f"{name[:3]!r}...")
@for_each(
    "glob",
    [
        "*a*a*a*a*a*b",
        "**a**a**a**a**b",
        "**a*a*a*a**c",
        "**a?a?a?c",
        "**/a*/a*/a*/c",
        "**/**/**/**/c",
        "a**a*a**a*/b*c",
        "***a*/*a*/*a*/*a*/c",
        f"**{'a*/' * 20}c**c",
        f"*{'a*' * 60}c",
        "c/**",
    ],
)
def test_no_name_makes_a_match_slow(glob: str, name: str) -> None:
    begin = time.process_time()
    assert not fits(glob, (name * MANY)[: MANY - 1] + "d")
    assert time.process_time() - begin < 1


@for_each(
    ("wide", "narrow", "whole"),
    [
        ("web", "web", True),
        ("web", "we", False),
        ("w*", "web", True),
        ("w*", "we*", True),
        ("we*", "w*", False),
        ("*", "?", True),
        ("?", "*", False),
        ("*", "**", False),
        ("**", "*", True),
        ("**", "a/**", True),
        ("/data/**", "/data", True),
        ("/data/**", "/data/*", True),
        ("/data/*", "/data/**", False),
        ("/data/**", "/data/a/**", True),
        ("/d*/**", "/data/**", True),
        ("/data/**", "/d*/**", False),
        ("*a*", "a", True),
        ("a*a", "a?*a", True),
        ("?*", "*?", True),
        ("*?", "?*", True),
        ("a", "?", False),
        # This is so, but would take long to find out.
        ("?*", "*a", False),
        # What stands for any other letter is in neither.
        ("\0", "?", False),
        ("\u0100", "?", False),
        ("\u0100*", "\u0100?", True),
    ],
)
def test_a_glob_covers_another_if_it_matches_all_that_the_other_does(wide: str, narrow: str, *, whole: bool) -> None:
    assert covers(wide, narrow) is whole


@given(GLOBS, GLOBS, NAMES)
def test_what_a_covered_glob_matches_the_other_one_matches(wide: str, narrow: str, name: str) -> None:
    assert not (covers(wide, narrow) and fits(narrow, name)) or fits(wide, name)
    assert covers(wide, wide)


@pytest.mark.parametrize("sign", ["*a", "?a*", "**a", "a"])
def test_no_globs_take_long_to_compare(sign: str) -> None:
    begin = time.process_time()
    assert not covers(f"{sign * 100}b", f"{'a*' * 100}c")
    assert covers("*a" + "?" * 100, "*a" + "?" * 99 + "b")
    assert time.process_time() - begin < 1


@given(GLOBS, GLOBS, st.text("ab/", max_size=5), st.text("ab", min_size=1, max_size=2), st.text("ab/", max_size=4))
def test_what_lies_below_a_match_is_found(inner: str, outer: str, above: str, first: str, more: str) -> None:
    below = f"{above}/{first}{more}" if above != "/" else f"/{first}{more}"
    if fits(outer, above) and fits(inner, below):
        assert reaches_below(inner, outer)
    if fits(outer, above):
        assert reaches_below(below, outer)


@for_each(
    ("inner", "outer", "reaches"),
    [
        ("/a", "/a", False),
        ("/a/b", "/a", True),
        ("/ab", "/a", False),
        ("/a", "/", True),
        ("/a", "/*", True),
        ("/*/b", "/?", True),
        ("/*/b", "/*/b", False),
        ("/**", "/a", True),
        ("/a/**", "/a/b", True),
        ("/a/*", "/a/b", False),
        ("/a/b*", "/a/b?/c", False),
        ("/a/b*/c", "/a/b?", True),
        ("/b/**", "/a/**", False),
    ],
)
def test_a_match_in_the_same_place_is_not_below(inner: str, outer: str, *, reaches: bool) -> None:
    assert reaches_below(inner, outer) is reaches


@given(GLOBS, st.text("ab/", max_size=4), st.text("ab/", max_size=4))
@example("b/a/**/**", "b", "a")
def test_the_rests_of_a_glob_are_all_that_it_matches_below_a_directory(glob: str, directory: str, below: str) -> None:
    rests, above = list(list_rests(glob, directory)), f"{directory.removesuffix('/')}/"
    assert fits(glob, directory) is ("" in rests) or fits(glob, above)
    assert fits(glob, above + below) is any(fits(rest, below) for rest in rests if rest) or below == ""


@pytest.mark.parametrize("sign", ["*a", "?a*", "**a", "a"])
def test_no_globs_take_long_to_meet(sign: str) -> None:
    begin = time.process_time()
    assert reaches_below(f"{sign * 100}b", f"{'*a' * 100}c") is ("**" in sign)
    assert time.process_time() - begin < 1
