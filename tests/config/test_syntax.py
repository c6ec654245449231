"""What is no YAML is said in words of ours, at the place that is to be mended, whichever parser found it."""

import pytest
import yaml
from rows import for_each

from dockerproxy.config.document import compose
from dockerproxy.config.syntax import Flaw, explain, find_hidden
from dockerproxy.problems import Problem

LOADERS = (yaml.CSafeLoader, yaml.SafeLoader)


@for_each("loader", LOADERS)
@for_each(
    ("text", "place", "what"),
    [
        ("a: [b\n", "1:4", "missing ] or comma in this list"),
        ("a: [b c: d e: f]\n", "1:4", "missing ] or comma in this list"),
        ("a: {b: c\n", "1:4", "missing } or comma in these braces"),
        ("a: 'b\nc: d\n", "1:4", "missing end of the quoted text"),
        ('a: "b', "1:4", "missing end of the quoted text"),
        ('a: "b\n---\n', "1:4", "missing end of the quoted text"),
        (r'a: "\q"', "1:4", "invalid escape in double quotes"),
        (r'a: "\xzz"', "1:4", "invalid escape in double quotes"),
        ("a: b: c", "1:5", "unexpected colon"),
        ("a: - b", "1:4", "unexpected list item"),
        ("a: ? b", "1:4", "unexpected key"),
        ("a:\n  b: c\n d: e\n", "3:2", "unexpected indentation"),
        ("- a\nb: c\n", "2:1", "unexpected indentation"),
        ("a: 'b' c\n", "1:8", "unexpected text"),
        ("[a] b: c\n", "1:5", "unexpected text"),
        ("a: b\nc\nd: e\n", "2:1", "missing colon and value"),
        ("a: [,]", "1:5", "missing value"),
        ("a: *\n", "1:4", "missing name after * or &"),
        ("a: &\n", "1:4", "missing name after * or &"),
        ("a: @b", "1:4", 'unexpected character "@"'),
        ("a: `b`", "1:4", 'unexpected character "`"'),
        ("a: !<b c", "1:4", "unsupported tag, a word that begins with !"),
        ("a: |b\n", "1:4", "unsupported text of several lines"),
        ("{a: b}\nc: d\n", "2:1", "unexpected text after the end"),
        ("a: b\n...\nc: d\n", "3:1", "unexpected text after the end"),
    ],
)
def test_a_mistake_is_said_in_the_same_words_by_either_parser(
    text: str, place: str, what: str, loader: type[yaml.CSafeLoader] | type[yaml.SafeLoader]
) -> None:
    problems: list[Problem] = []
    assert compose(text, "p", problems, loader) is None
    assert (problems[-1].where, problems[-1].what) == (f"p:{place}", what)
    assert problems[-1].hint


@pytest.mark.parametrize(("text", "line"), [("a: [b,\n  c\n", 3), ("a: {b: c,\n  d: e\n\nf: g", 4)])
def test_where_a_bracket_is_missed_is_said_too(text: str, line: int) -> None:
    problems: list[Problem] = []
    compose(text, "p", problems)
    assert problems[-1].hint == f"add it; the error is in line {line}"


def test_words_of_a_parser_that_are_not_known_here_are_passed_on() -> None:
    mark = yaml.Mark("", 0, 6, 4, None, 0)
    assert explain(yaml.MarkedYAMLError(problem="new words", problem_mark=mark), "") == Flaw(
        7, 5, "invalid YAML: new words", ""
    )
    assert explain(yaml.MarkedYAMLError(problem="new words"), "") == Flaw(1, 1, "invalid YAML: new words", "")


def test_a_colon_in_a_list_that_only_one_parser_refuses_is_said_in_our_words() -> None:
    problems: list[Problem] = []
    assert compose("a: [nginx:]", "p", problems, yaml.CSafeLoader) is None
    assert (problems[-1].where, problems[-1].what) == ("p:1:10", "unexpected colon")


# What one does not see


@for_each("character", ["\x85", "\u2028", "\u2029", "\r", "\x0b", "\x0c", "\x1b", "\x00", "\u202e", "\u2066"])
def test_what_ends_a_line_for_yaml_ends_it_for_people_or_is_refused(character: str) -> None:
    (flaw,) = find_hidden(f"é: b # a comment{character}- containers:write\n")
    assert (flaw.line, flaw.column) == (1, 17)
    assert flaw.what == f"invisible character {character!a}"


@pytest.mark.parametrize(
    "text", ["a: é𝒳 # ñ 漢 👍\r\nb: c\r\n", "a: b # a\ttab in a comment\n", "a: '%b'\n", "a: b%\n"]
)
def test_what_one_sees_is_let_be(text: str) -> None:
    assert find_hidden(text) == []


def test_a_byte_order_mark_is_said_to_be_one() -> None:
    assert find_hidden("\ufeffa: b")[0].hint == "save the file without a byte order mark"
    assert find_hidden("a: \ufeffb")[0].hint == "remove it"


@pytest.mark.parametrize(("text", "column"), [("\ta: b", 1), ("a:\tb", 3), ("a: b\t# c", 5), ("a:  \t b", 5)])
def test_a_tab_is_no_blank(text: str, column: int) -> None:
    (flaw,) = find_hidden(f"# a comment\n{text}\n")
    assert (flaw.line, flaw.column, flaw.what) == (2, column, "unsupported tab")


@pytest.mark.parametrize(
    "text", ["%YAML 1.1\n---\na: b", "%TAG ! tag:x,2000:\n---\na: b", "%FUTURE x\n---\na: b", "a: b\n%c"]
)
def test_a_directive_is_refused_before_it_can_mean_anything(text: str) -> None:
    (flaw,) = find_hidden(text)
    assert (flaw.column, flaw.what) == (1, "unsupported directive")


def test_of_a_file_full_of_one_mistake_only_the_first_places_are_said() -> None:
    assert len(find_hidden("\x00" * 100_000)) == len(find_hidden("\t\n" * 100_000)) == 10
