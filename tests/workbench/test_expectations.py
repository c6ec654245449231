"""Expectations are read line by line, and every mistake in them is said where it is."""

import pytest
from cli.files import sockets_of
from folders import short_folder

from dockerproxy.workbench.expectations import Reader

SOCKETS = sockets_of()
FORM = "a line is `allow METHOD TARGET`, `deny METHOD TARGET` or `socket NAME`"


def read(*texts: str, chosen: str | None = None) -> tuple[list[str], list[str]]:
    """Return expectations and problems of some files."""
    reader = Reader(list(SOCKETS.values()), SOCKETS[chosen] if chosen else None)
    for number, text in enumerate(texts):
        reader.read(text, f"{number}.txt")
    expectations = [
        f"{each.place} {each.socket.name} {'allow' if each.allowed else 'deny'} {each.method} {each.target}"
        for each in reader.expectations
    ]
    return expectations, list(map(str, reader.problems))


def test_a_line_is_about_the_socket_above_it() -> None:
    text = """
# A comment, and a blank line.

socket traefik      # another
  allow GET /v1.45/containers/json\t# a third
deny\tPOST /containers/create#x
socket backup
deny GET /containers/../x?a=#b
"""
    expected = [
        "0.txt:5:3 traefik allow GET /v1.45/containers/json",
        "0.txt:6:1 traefik deny POST /containers/create#x",
        "0.txt:8:1 backup deny GET /containers/../x?a=#b",
    ]
    assert read(text) == (expected, [])


def test_a_chosen_socket_is_what_a_file_begins_with() -> None:
    assert read("socket backup\ndeny GET /a", "deny GET /b", chosen="traefik") == (
        ["0.txt:2:1 backup deny GET /a", "1.txt:1:1 traefik deny GET /b"],
        [],
    )


def test_every_mistake_is_said_where_it_is() -> None:
    text = """\
sokcet traefik
permit x
socket traefik
allow GET
allow get /x
socket
socket bakcup
socket x
allow GET /
"""
    expectations, problems = read(text, "\n# nothing\n", "allow GET /x\nallow GET /y")
    assert expectations == ["0.txt:9:1 traefik allow GET /", "2.txt:2:1 traefik allow GET /y"]
    assert problems == [
        "0.txt:1:1: unknown word 'sokcet'\n    did you mean socket?",
        f"0.txt:2:1: unknown word 'permit'\n    {FORM}",
        f"0.txt:4:1: allow takes a method and a target\n    {FORM}",
        "0.txt:5:7: 'get' is not a method\n    write it in capitals, like GET",
        "0.txt:6:1: socket takes one name\n    like: socket traefik",
        "0.txt:7:8: 'bakcup' is not a socket of the policy\n    did you mean backup?",
        "0.txt:8:8: 'x' is not a socket of the policy\n    it has traefik, backup and new-thing",
        f"1.txt: no expectations\n    {FORM}",
        "2.txt:1:1: missing socket\n    add a line above: socket traefik, backup or new-thing",
    ]


def test_a_body_stands_behind_the_target_or_in_a_file_beside_the_expectations() -> None:
    reader = Reader(list(SOCKETS.values()), SOCKETS["traefik"])
    with short_folder() as folder:
        (folder / "create.json").write_bytes(b'{"Image": "x"}\n')
        text = """\
allow POST /a   {"Image": "x", "Cmd": [ "a  b" ]}   # a comment
deny  POST /b < create.json
deny  POST /c <create.json
deny  POST /d {}
allow POST /e
"""
        reader.read(text, f"{folder}/expectations.txt")
    assert reader.problems == []
    assert [each.body for each in reader.expectations] == [
        b'{"Image": "x", "Cmd": [ "a  b" ]}',
        b'{"Image": "x"}\n',
        b'{"Image": "x"}\n',
        b"{}",
        None,
    ]


def test_what_is_no_body_is_said_where_it_is() -> None:
    form = "a body after the target is JSON in braces, or `< FILE`"
    text = """\
allow POST /a x y
allow POST /b {"a": 1
allow POST /c {"a": 1, "a": 2}
allow POST /d < nowhere.json
"""
    expectations, problems = read(text, chosen="traefik")
    assert len(expectations) == 4
    assert problems == [
        f"0.txt:1:15: invalid body 'x y'\n    {form}",
        f"0.txt:2:15: malformed JSON in the body: Expecting ',' delimiter: line 1 column 8 (char 7)\n    {form}",
        f'0.txt:3:15: ambiguous JSON in the body: duplicate key "a"\n    {form}',
        f"0.txt:4:15: nowhere.json: file not found\n    {form}",
    ]


@pytest.mark.parametrize("text", ["", "\n", "# x", "socket traefik"])
def test_a_file_that_expects_nothing_is_a_mistake(text: str) -> None:
    assert read(text) == ([], [f"0.txt: no expectations\n    {FORM}"])
