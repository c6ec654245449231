"""A document means what a person reads in it, wherever it could mean something else, and costs little to read."""

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import event, example, given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.config.document import (
    DEEPEST,
    MOST_BYTES,
    MOST_VALUES,
    Broken,
    Fields,
    Items,
    Loader,
    Node,
    Place,
    Text,
    compose,
    read_file,
)
from dockerproxy.problems import Problem, UserError

LOADERS: tuple[Loader, ...] = (yaml.CSafeLoader, yaml.SafeLoader)


def read(text: str, loader: Loader = yaml.CSafeLoader) -> tuple[Node | None, list[Problem]]:
    problems: list[Problem] = []
    return compose(text, "policy.yaml", problems, loader), problems


def plain(node: Node | None) -> object:
    """Return a node as lists and strings, a mapping as a list of pairs."""
    match node:
        case Text():
            return node.text
        case Items():
            return [plain(each) for each in node.nodes]
        case Fields():
            return [(key.text, plain(value)) for key, value in node.pairs]
        case Broken() | None:
            return None


def meant(text: str) -> object:
    node, problems = read(text)
    assert problems == []
    return plain(node)


def told(text: str) -> list[str]:
    _, problems = read(text)
    return [f"{problem.where.removeprefix('policy.yaml:')} {problem.what}" for problem in problems]


# What is read


@for_each(
    "word",
    [
        "0660",
        "432",
        "0o17",
        "0x1F",
        "1_000",
        "1e3",
        ".inf",
        "190:20:30",
        "no",
        "y",
        "on",
        "True",
        "2024-01-01",
        "=",
        "~",
    ],
)
def test_a_word_is_what_is_written_whatever_yaml_makes_of_it(word: str) -> None:
    assert meant(f"{word}: [{word}]") == [(word, [word])]


def test_a_key_that_is_there_twice_is_kept_twice() -> None:
    assert meant("a: 1\na: 2") == [("a", "1"), ("a", "2")]


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_nothing_is_known_from_a_word_in_quotes(text: str) -> None:
    node, _ = read(f"[{text or 'a, '}, '{text}']" if text else "[a: , '']")
    assert isinstance(node, Items)
    quoted = node.nodes[-1]
    assert isinstance(quoted, Text)
    assert not quoted.is_nothing
    assert Text(text, plain=True, place=node.place).is_nothing


def test_every_value_knows_its_place_in_characters_from_one_on() -> None:
    node, _ = read("# é\na:\n  - 'é𝒳'\n  - {é𝒳: &é1 b}\n".replace("&é1", "&e1"))
    assert isinstance(node, Fields)
    (key, value) = node.pairs[0]
    assert isinstance(value, Items)
    first, second = value.nodes
    assert isinstance(second, Fields)
    inner = second.pairs[0]
    assert [str(each.place) for each in (key, first, second, *inner)] == [
        f"policy.yaml:{place}" for place in ("2:1", "3:5", "4:5", "4:6", "4:10")
    ]


def test_an_alias_stands_for_the_same_thing_again() -> None:
    assert meant("a: &x [b, {c: d}]\ne: *x\nf: [*x]") == [
        ("a", ["b", [("c", "d")]]),
        ("e", ["b", [("c", "d")]]),
        ("f", [["b", [("c", "d")]]]),
    ]


def test_one_document_may_be_marked_as_such() -> None:
    assert meant("---\na: b\n...\n") == meant("a: b\n") == meant("a: b\r\n") == [("a", "b")]


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n# and a mark\n"])
def test_an_empty_document_is_nothing(text: str) -> None:
    node, problems = read(text)
    assert problems == []
    assert node is None or (isinstance(node, Text) and node.is_nothing)


# How one would get a document to mean something else than a person reads in it


@pytest.mark.parametrize(
    "text",
    ["a: !!str b", "!!set {a}", "a: !!binary Zm9v", "a: ! b", "a: !x b", "!<tag:yaml.org,2002:map> {}", "!x!y b"],
)
def test_a_tag_changes_nothing_but_is_refused(text: str) -> None:
    assert [problem.partition(" ")[2] for problem in told(text)] == ["unsupported tag, a word that begins with !"]


def test_a_tag_that_names_code_runs_none(tmp_path: Path) -> None:
    made = tmp_path / "made"
    for tag in ("python/object/apply:os.system", "python/object/new:os.system", "python/name:os.system"):
        assert told(f"!!{tag} ['touch {made}']")
    assert not made.exists()


def test_keys_of_another_mapping_are_not_merged_in() -> None:
    node, problems = read("a: &x {allow: all}\nb: {<<: *x, c: d}\ne: {'<<': f}")
    assert [str(problem).partition("\n")[0] for problem in problems] == ["policy.yaml:2:5: unsupported merge key"]
    assert plain(node) == [("a", [("allow", "all")]), ("b", [("c", "d")]), ("e", [("<<", "f")])]


def test_an_anchor_is_set_once_so_that_an_alias_means_the_one_that_is_seen() -> None:
    assert told("a: &x 1\nb: &x 2\nc: *x") == ["2:4 duplicate anchor &x"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: *x", "1:4 unknown alias *x"),
        ("a: *x\nb: &x c", "1:4 unknown alias *x"),
        ("a: &x [*x]", "1:8 the alias *x contains itself"),
        ("a: &x {b: [c, *x]}", "1:15 the alias *x contains itself"),
        ("&x a: b\n*x : c", "2:1 unsupported alias *x in place of a key"),
    ],
)
def test_an_alias_stands_for_a_value_above_it(text: str, problem: str) -> None:
    assert told(text) == [problem]


@pytest.mark.parametrize("text", ["? [a]\n: b", "? {a: b}\n: c", "[a, b]: c", "'': a", "{[a]: b}"])
def test_a_key_is_a_word(text: str) -> None:
    assert [problem.partition(" ")[2] for problem in told(text)] == ["invalid key"]


@pytest.mark.parametrize("text", ["a: b\n---\nc: d", "a: b\n---\n", "--- a\n--- b", "a: b\n...\n---\nc: d"])
def test_there_is_no_second_document_for_another_reader_to_find(text: str) -> None:
    (problem,) = told(text)
    assert problem.endswith("unsupported second document")


@pytest.mark.parametrize(
    "text",
    [
        "- containers:read\n  - containers:write",
        "a: |\n  b",
        "a: >-\n  b\n  c",
        "a: 'b\n  c'",
        'a: "b\\\n  c"',
        "a: b\n c",
    ],
)
def test_a_text_does_not_go_on_in_the_next_line(text: str) -> None:
    assert [problem.partition(" ")[2] for problem in told(text)] == ["unsupported text of several lines"]


@for_each("character", ["\\0", "\\n", "\\e", "\\x7f", "\\x9b", "\\N", "\\L", "\\P", "\\_", "\\u200b", "\\u202e"])
def test_an_escape_puts_no_character_into_a_name_that_cannot_be_seen(character: str) -> None:
    (problem,) = told(f'a: "web{character}"')
    assert problem.endswith("has an invisible character")


@pytest.mark.parametrize("character", ["\u00a0", "\u200b", "\u200d", "\u00ad", "\u3000"])
def test_what_looks_like_a_blank_or_like_nothing_is_in_comments_only(character: str) -> None:
    assert told(f"a: web # {character}") == []
    assert told(f"a: web{character}1") == [f"1:4 {f'web{character}1'!a} has an invisible character"]


def test_half_a_character_is_none_in_either_parser() -> None:
    for loader in LOADERS:
        assert len(read(r'a: "\ud800"', loader)[1]) == 1


# What it costs


@for_each("loader", LOADERS)
@for_each("text", ["[" * 100_000, "{a: " * 50_000, "- " * 100_000, "? " * 100_000, "[a, " * 500])
def test_depth_is_bounded_before_anything_recurses(text: str, loader: Loader) -> None:
    node, problems = read(text, loader)
    assert node is None
    assert [problem.what for problem in problems] == ["nested too deep"]


def test_the_deepest_document_is_read() -> None:
    assert told("[" * DEEPEST + "]" * DEEPEST) == []
    assert told("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)) != []


@pytest.mark.parametrize("width", [2, 10, 1000])
def test_what_aliases_repeat_is_counted_each_time(width: int) -> None:
    text, levels, values = "a0: &a0 x\n", 0, 1
    while values <= MOST_VALUES:
        levels += 1
        text += f"a{levels}: &a{levels} [{', '.join([f'*a{levels - 1}'] * width)}]\n"
        values *= width
    (problem,) = told(text)
    assert problem.endswith("more than 100,000 values, including those that aliases repeat")


def test_as_many_values_as_there_may_be_are_read() -> None:
    assert told("-\n" * (MOST_VALUES - 1)) == []
    assert told("-\n" * MOST_VALUES) != []


# Files


def problem_of(path: object) -> str:
    with pytest.raises(UserError) as caught:
        read_file(str(path))
    return str(caught.value)


def test_a_file_is_its_text(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("é\r\n", newline="")
    assert read_file(str(tmp_path / "policy.yaml")) == "é\r\n"


def test_a_file_that_is_not_there_or_is_a_directory_is_said_so(tmp_path: Path) -> None:
    assert (
        problem_of(tmp_path / "x")
        == f"{tmp_path}/x: file not found\n    check the path; in a container, mount the file"
    )
    assert problem_of(tmp_path).startswith(f"{tmp_path}: is a directory\n    create the file on the host before Docker")
    assert problem_of("a\0b") == r"'a\x00b': is not a valid path"
    (tmp_path / "file").write_text("")
    assert problem_of(tmp_path / "file" / "x") == f"{tmp_path}/file/x: cannot be read: Not a directory"


def test_a_file_that_may_not_be_read_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("a: b")
    path.chmod(0)
    ours = os.geteuid()
    os.seteuid(ours or 65534)
    try:
        said = problem_of(path)
    finally:
        os.seteuid(ours)
    assert said.startswith(f"{path}: permission denied\n    let the proxy's user read it; if it was replaced")


def test_a_file_is_read_up_to_its_bound_and_no_further(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"#" * MOST_BYTES)
    assert len(read_file(str(path))) == MOST_BYTES
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    hint = "check the path"
    assert problem_of(path) == f"{path}: the file is larger than 1 MiB\n    {hint}"


@pytest.mark.parametrize(
    ("content", "place"),
    [(b"\xff\xfea\x00", "1:1"), (b"a: b\nc: \xe9\n", "2:4"), (b"a: \xed\xa0\x80", "1:4"), (b"a\xc3", "1:2")],
)
def test_what_is_not_utf_8_is_said_with_its_place(tmp_path: Path, content: bytes, place: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(content)
    assert problem_of(path) == f"{path}:{place}: invalid UTF-8\n    save the file as UTF-8"


# Anything


def without_places_of_nothing(node: Node | None) -> object:
    """Return a node with its places, but for those of values that are not there: there the two parsers differ."""
    match node:
        case Items():
            return (node.place, [without_places_of_nothing(each) for each in node.nodes])
        case Fields():
            return (node.place, [(key, without_places_of_nothing(value)) for key, value in node.pairs])
        case Text(text=""):
            return ("", node.plain)
        case _:
            return node


WRITTEN = st.text(st.sampled_from("ab:-,[]{}'\"#&*!|>?%@` \n\t\\=~0é\x85\u2028\r"), max_size=40)


@given(WRITTEN | st.text(max_size=40))
@example("a: 'b' c")
@example("a: &x b\n*x")
def test_any_text_is_read_whole_or_has_a_problem_and_nothing_is_raised(text: str) -> None:
    for loader in LOADERS:
        node, problems = read(text.encode(errors="replace").decode(), loader)
        event("read" if not problems else "a problem")
        for problem in problems:
            assert problem.where.startswith("policy.yaml:")
        assert problems or "Broken(" not in repr(node)


@given(WRITTEN)
def test_both_parsers_of_pyyaml_read_the_same_or_refuse(text: str) -> None:
    (one, of_one), (other, of_other) = (read(text, loader) for loader in LOADERS)
    if not of_one and not of_other:
        assert without_places_of_nothing(one) == without_places_of_nothing(other)


def test_a_place_is_said_as_compilers_say_it() -> None:
    assert str(Place("policy.yaml", 12, 5)) == "policy.yaml:12:5"
