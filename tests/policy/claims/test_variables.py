"""No image of an archive has a variable without a value, however its list is written down."""

import pytest
from policy.claims.sending import LOAD, passed_on, refusal_of
from wire.tars import archive_of, item

from dockerproxy.policy.claims.variables import VariableScan

WITHOUT = [
    b'{"config":{"Env":["*"]}}',
    b'{"config":{"Env":["A=b","HOME"]}}',
    b'{"env" : [ "A=\\"]=" ,\n"SECRET" ]}',
    b'{"ENV":["A=\\\\","X"],"Env":["B=c"]}',
    b'{"Env":["B=c"],"x":{"eNv":["X"]}}',
    b'{"Env":null,"Env":[null,"X"]}',
    b'{"Env":["A\\u003dX"]}',
    b'{"x":["Env","Env",{"Env":["X"]}]}',
    b'{"x\\"Env":1,"Env":["X"]}',
    b'{"Env":[{"a":["="]}],"Env":["X"]}',
    b'{"Env":["=","X"]}',
    b'{"Env":[""]}',
]
WITH = [
    b'{"config":{"Env":["A=b","C=","D=\\"x","E=\\\\","PATH=/a:/b"],"Cmd":["x"]}}',
    b'{"Env":null,"x":{"Env":[]},"Cmd":["Env"],"Entrypoint":["Env","x"]}',
    b'{"Env":{"a":"x"},"env":[{"name":"x"}],"Environment":["x"],"y":"\\"Env\\":[\\"x\\"]"}',
    b'["Env",["x"]]',
]


def finds(content: bytes, length: int) -> bool:
    scan = VariableScan()
    return any(scan.find(content[at : at + length]) for at in range(0, len(content), length))


@pytest.mark.parametrize("content", WITHOUT)
def test_a_variable_without_a_value_is_found(content: bytes) -> None:
    assert "a variable without a value" in refusal_of(LOAD, archive_of(item("x", content)), tags=("**",))
    assert passed_on(LOAD, archive_of(item("x", b"\0" + content)), tags=("**",)).entries


@pytest.mark.parametrize("content", WITH)
def test_other_lists_are_none_of_its_business(content: bytes) -> None:
    assert passed_on(LOAD, archive_of(item("x", content)), tags=("**",)).entries


@pytest.mark.parametrize("content", [*WITHOUT, *WITH])
def test_pieces_and_blanks_make_no_difference(content: bytes) -> None:
    wide = b"".join(bytes((sign,)) + b" " * 300 * (sign in b":[") for sign in content)
    assert {finds(each, length) for each in (content, wide) for length in (1, 2, 3, 5, 1000)} == {content in WITHOUT}


def test_there_are_few_lists() -> None:
    assert not finds(b'"Env":["A=b"],' * 64, 1000)
    assert finds(b'"Env":["A=b"],' * 65, 1000)
