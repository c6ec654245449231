"""Grants are added to the text of a policy file, and nothing around them changes."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.model import values_of
from dockerproxy.workbench.edits import Item, add_items, read_lines, write_patch

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


def test_added_lines_end_as_the_others_do() -> None:
    text = BLOCK[: BLOCK.index("    # tail")].rstrip("\n").replace("\n", "\r\n")
    result = add_items(text, "a", "allow", [TOP])
    assert result is not None
    assert result.count("\n") == result.count("\r\n") > text.count("\n")


@pytest.mark.parametrize("socket", ["b", "c", "d", "none"])
def test_what_is_in_braces_or_shared_or_null_gets_nothing_added(socket: str) -> None:
    text = f"{BLOCK}  c: &c {{path: /x/c.sock, allow: []}}\n  d:\n    path: /x/d.sock\n    allow: ~\n"
    assert add_items(text, socket, "allow", [TOP]) is None


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), max_codepoint=0xFFFF), min_size=1, max_size=20))
def test_what_is_written_is_read_back(name: str) -> None:
    result = add_items(BLOCK, "a", "allow", [("ContainerKill", {"signal": (name,)})])
    assert result is not None
    line = read_lines(result, "p.yaml")["a"][-1]
    assert not line.grants or values_of(line.grants[0].conditions) == {"signal": (name,)}


@pytest.mark.parametrize("name", ["p.yaml", "a folder/p.yaml"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_a_patch_is_what_git_applies(name: str, ending: str, tmp_path: Path) -> None:
    before = BLOCK[: BLOCK.index("    # tail")] if not ending else BLOCK
    before = before.replace("\n", "\r\n") if ending == "\r\n" else before.removesuffix("\n") + ending
    after = add_items(before, "a", "allow", [TOP])
    assert after is not None
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(before.encode())
    patch = "".join(f"{line}\n" for line in write_patch(before, after, name))
    subprocess.run(["git", "apply"], cwd=tmp_path, input=patch.encode(), check=True, capture_output=True)
    assert path.read_bytes().decode() == after
