"""Grants in the text of a policy file are changed, and nothing around them."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.config.document import Place
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.model import values_of
from dockerproxy.workbench.edits import Item, add_items, read_lines, replace_item, write_patch

BLOCK = """\
sockets:
  a:
    path: /x/a.sock
    allow:
      # one
      - ContainerList  # why
      - ContainerStart:  # since
          containers: [a]
    # tail
  b: {path: /x/b.sock, allow: [ContainerList, ContainerStop: {containers: [x]}, ImageList]}
"""
TOP: Item = ("ContainerTop", {})
LOGS: Item = ("ContainerLogs", {"containers": ("web",)})


def place_of(text: str, word: str, socket: str = "a") -> Place:
    return next(line.place for line in read_lines(text, "p.yaml")[socket] if line.word == word)


def changed(text: str, word: str, *items: Item, socket: str = "a") -> list[str]:
    """Return the lines of a text that a change removes and adds."""
    result = replace_item(text, place_of(text, word, socket), items)
    assert result is not None
    read_policy(result, "p.yaml")
    return [line for line in write_patch(text, result, "p.yaml")[3:] if not line.startswith(" ")]


def test_an_item_of_a_block_is_removed_with_its_comment_and_no_other() -> None:
    assert changed(BLOCK, "ContainerList") == ["-      - ContainerList  # why"]
    assert changed(BLOCK, "ContainerStart") == ["-      - ContainerStart:  # since", "-          containers: [a]"]


def test_what_takes_the_place_of_an_item_keeps_its_comment() -> None:
    assert changed(BLOCK, "ContainerList", TOP, LOGS) == [
        "-      - ContainerList  # why",
        "+      - ContainerTop  # why",
        "+      - ContainerLogs: {containers: [web]}",
    ]
    assert changed(BLOCK, "ContainerStart", LOGS)[-1] == "+      - ContainerLogs: {containers: [web]}  # since"


@pytest.mark.parametrize(
    ("word", "items", "left"),
    [
        ("ContainerList", (), "[ContainerStop: {containers: [x]}, ImageList]"),
        ("ContainerStop", (), "[ContainerList, ImageList]"),
        ("ImageList", (), "[ContainerList, ContainerStop: {containers: [x]}]"),
        ("ContainerStop", (TOP, LOGS), "[ContainerList, ContainerTop, ContainerLogs: {containers: [web]}, ImageList]"),
    ],
)
def test_an_item_in_brackets_is_changed_in_its_place(word: str, items: tuple[Item, ...], left: str) -> None:
    assert changed(BLOCK, word, *items, socket="b")[-1] == f"+  b: {{path: /x/b.sock, allow: {left}}}"


@pytest.mark.parametrize(
    "allow",
    [
        "\n      - ContainerTop: &x {containers: [a]}\n      - ContainerLogs: *x",
        "\n      - ContainerTop: {containers: [a]}\n        ContainerList:",
        "\n      - ContainerTop:\n          # why\n          containers: [a]",
        "&y [ContainerTop]\n  b: {path: /x/b.sock, allow: *y}",
        "[ContainerTop, # why\n      ImageList]",
        "\n      -\n        ContainerTop",
    ],
)
def test_what_cannot_be_changed_alone_is_left(allow: str) -> None:
    text = f"sockets:\n  a:\n    path: /x/a.sock\n    allow: {allow}\n"
    items = (LOGS,) if "# why\n   " in allow and "[C" not in allow else ()
    assert replace_item(text, place_of(text, "ContainerTop"), items) is None


@pytest.mark.parametrize(
    ("text", "socket", "key", "added"),
    [
        (BLOCK, "a", "allow", ["+      - ContainerTop"]),
        (BLOCK, "a", "deny", ["+    deny:", "+      - ContainerTop"]),
        (
            BLOCK.replace("allow:\n", "deny: []  # none\n    allow:\n"),
            "a",
            "deny",
            ["+    deny:  # none", "+      - ContainerTop"],
        ),
        (
            BLOCK.replace("allow:\n", "deny: [ImageList]\n    allow:\n"),
            "a",
            "deny",
            ["+    deny: [ImageList, ContainerTop]"],
        ),
        (
            BLOCK[: BLOCK.index("    # tail")].rstrip("\n"),
            "a",
            "allow",
            ["+          containers: [a]", "+      - ContainerTop"],
        ),
    ],
)
def test_items_are_added_at_the_end_of_a_list(text: str, socket: str, key: str, added: list[str]) -> None:
    result = add_items(text, socket, key, [TOP])
    assert result is not None
    read_policy(result, "p.yaml")
    assert [line for line in write_patch(text, result, "p.yaml")[2:] if line.startswith("+")] == added


def test_lines_in_the_place_of_the_last_one_end_as_the_others_do() -> None:
    text = BLOCK[: BLOCK.index("    # tail")].rstrip("\n").replace("\n", "\r\n")
    result = replace_item(text, place_of(text, "ContainerStart"), [TOP, LOGS])
    assert result is not None
    assert result.count("\n") == result.count("\r\n") == text.count("\n")


@pytest.mark.parametrize("socket", ["b", "c", "d", "none"])
def test_what_is_in_braces_or_shared_or_null_gets_nothing_added(socket: str) -> None:
    text = f"{BLOCK}  c: &c {{path: /x/c.sock, allow: []}}\n  d:\n    path: /x/d.sock\n    allow: ~\n"
    assert add_items(text, socket, "allow", [TOP]) is None


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), max_codepoint=0xFFFF), min_size=1, max_size=20))
def test_what_is_written_is_read_back(name: str) -> None:
    result = replace_item(BLOCK, place_of(BLOCK, "ContainerList"), [("ContainerTop", {"ps_args": (name,)})])
    assert result is not None
    line = read_lines(result, "p.yaml")["a"][0]
    assert not line.grants or values_of(line.grants[0].conditions) == {"ps_args": (name,)}


@pytest.mark.parametrize("name", ["p.yaml", "a folder/p.yaml"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_a_patch_is_what_git_applies(name: str, ending: str, tmp_path: Path) -> None:
    before = BLOCK[: BLOCK.index("    # tail")] if not ending else BLOCK
    before = before.replace("\n", "\r\n") if ending == "\r\n" else before.removesuffix("\n") + ending
    after = replace_item(before, place_of(before, "ContainerStart"), [TOP, LOGS])
    assert after is not None
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(before.encode())
    patch = "".join(f"{line}\n" for line in write_patch(before, after, name))
    subprocess.run(["git", "apply"], cwd=tmp_path, input=patch.encode(), check=True, capture_output=True)
    assert path.read_bytes().decode() == after
