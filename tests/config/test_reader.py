"""Nodes are read as what they must be; what is not so is a problem that says what it is and what it must be."""

import pytest
from rows import for_each

from dockerproxy.config.document import Node, Place
from dockerproxy.config.reader import MOST_PROBLEMS, Reader
from dockerproxy.problems import UserError


def read(text: str) -> tuple[Reader, Node]:
    reader = Reader("/etc/policy.yaml")
    node = reader.compose(text)
    assert node is not None
    return reader, node


def problems_of(reader: Reader) -> list[str]:
    return [str(problem).removeprefix("/etc/policy.yaml:") for problem in reader.problems]


def test_a_source_is_the_name_of_the_file_and_the_line() -> None:
    source = Reader("/etc/policy.yaml").source("containers:read", Place("/etc/policy.yaml", 12, 5))
    assert str(source) == "containers:read (policy.yaml:12)"


def test_of_a_key_that_is_there_twice_the_first_counts_and_the_second_is_a_problem() -> None:
    reader, node = read("a: b\nc: d\n'a': e\na: f")
    assert [(key.text, value) for key, value in reader.entries(node, "it", "")] == [
        (key.text, value)
        for key, value in node.pairs[:2]  # type: ignore[union-attr] # it is a mapping
    ]
    assert problems_of(reader) == [
        "3:1: duplicate key 'a'\n    remove one; the first is in line 1",
        "4:1: duplicate key 'a'\n    remove one; the first is in line 1",
    ]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("paht", "did you mean path?"),
        ("UID", "did you mean owner?"),
        ("xyzzy", "use one of path, owner"),
    ],
)
def test_a_key_that_is_unknown_is_a_problem_with_the_key_that_was_meant(key: str, hint: str) -> None:
    reader, node = read(f"path: /a\n{key}: b")
    assert list(reader.fields(node, "a socket", ("path", "owner"), "", {"uid": "did you mean owner?"})) == ["path"]
    assert problems_of(reader) == [f"2:1: unknown key '{key}' of a socket\n    {hint}"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("web", "1:4: allow must be a list, but is a single value\n    allow: [web]"),
        ("'web'", "1:4: allow must be a list, but is a single value\n    allow: [web]"),
        ("{b: c}", "1:4: allow must be a list, but is a mapping\n    allow: [a, b]"),
        ("", "1:3: allow must be a list, but is empty\n    allow: [a, b]"),
        (
            "~",
            (
                "1:4: allow must be a list, but is ~, which means null in YAML\n"
                '    if it is a name, write it in quotes: "~"'
            ),
        ),
    ],
)
def test_what_is_no_list_is_a_problem(text: str, problem: str) -> None:
    reader, node = read(f"a: {text}".rstrip())
    ((_, value),) = reader.entries(node, "it", "")
    assert reader.items(value, "allow") == ()
    assert problems_of(reader) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[b]", "1:4: path must be a single value, but is a list\n    path: /a"),
        ("{b: c}", "1:4: path must be a single value, but is a mapping\n    path: /a"),
        (
            "null",
            (
                "1:4: path must be a single value, but is null, which means null in YAML\n"
                '    if it is a name, write it in quotes: "null"'
            ),
        ),
    ],
)
def test_what_is_no_word_is_a_problem(text: str, problem: str) -> None:
    reader, node = read(f"a: {text}")
    ((_, value),) = reader.entries(node, "it", "")
    assert reader.text(value, "path", "path: /a") is None
    assert problems_of(reader) == [problem]


@pytest.mark.parametrize("text", ["no", "1e3", "'~'", '"null"', "''", "0660"])
def test_a_word_is_any_text(text: str) -> None:
    reader, node = read(f"a: {text}")
    ((_, value),) = reader.entries(node, "it", "")
    word = reader.text(value, "path")
    assert word is not None
    assert word.text == text.strip("'\"")
    assert problems_of(reader) == []


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_a_flag_has_one_spelling_for_each_value(text: str, value: bool) -> None:  # noqa: FBT001 (it is the value)
    reader, node = read(text)
    assert reader.flag(node, "follow") is value
    assert problems_of(reader) == []


@for_each("text", ["no", "yes", "on", "off", "y", "n", "True", "FALSE", "0", "1", "'true'", '"false"', "maybe"])
def test_a_flag_of_another_spelling_is_a_problem_and_no_flag(text: str) -> None:
    reader, node = read(text)
    assert reader.flag(node, "follow") is None
    word = text.strip("'\"")
    assert problems_of(reader) == [
        f"1:1: '{word}' is not true or false\n    write true or false, in lower case and without quotes"
    ]


def test_what_is_broken_already_is_not_told_again() -> None:
    reader, node = read("a: !tag b")
    ((_, value),) = reader.entries(node, "it", "")
    assert (reader.text(value, "a"), reader.items(value, "a"), reader.flag(value, "a")) == (None, (), None)
    assert reader.fields(value, "a", (), "", {}) == {}
    assert len(reader.problems) == 1


def test_a_mistake_that_aliases_repeat_is_told_once() -> None:
    reader, node = read("a: [{b: 1}, &x {c: 2}, *x, *x]")
    ((_, value),) = reader.entries(node, "it", "")
    for item in reader.items(value, "a"):
        reader.fields(item, "a socket", ("b",), "", {})
    assert problems_of(reader) == ["1:17: unknown key 'c' of a socket\n    use one of b"]


def test_mistakes_are_told_in_the_order_of_the_document() -> None:
    reader = Reader("p")
    for line, column in ((10, 1), (9, 2), (9, 1), (1, 30)):
        reader.problem(Place("p", line, column), "wrong")
    with pytest.raises(UserError) as caught:
        reader.finish()
    assert [problem.where for problem in caught.value.problems] == ["p:1:30", "p:9:1", "p:9:2", "p:10:1"]


def test_reading_ends_after_so_many_mistakes() -> None:
    reader = Reader("p")
    for line in range(MOST_PROBLEMS):
        reader.problem(Place("p", line + 1, 1), "wrong")
    with pytest.raises(UserError) as caught:
        reader.problem(Place("p", 5000, 1), "wrong")
    assert str(caught.value.problems[-1]) == "p: more than 100 mistakes\n    fix those above first"
    assert len(caught.value.problems) == MOST_PROBLEMS + 1


def test_without_a_mistake_nothing_is_raised() -> None:
    Reader("p").finish()
