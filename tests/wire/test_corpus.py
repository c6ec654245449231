"""The corpus: what a client sends, and what the engine gets for it or why nothing.

`valid/NAME.expect` holds the bytes that go to the engine, `invalid/NAME.expect` the status and the reason.
"""

from pathlib import Path

from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.environment import read_environment
from dockerproxy.errors import Refusal
from dockerproxy.policy.judge import judge
from dockerproxy.policy.phases import Verdict
from dockerproxy.wire.head import END_OF_HEAD
from dockerproxy.wire.incoming import RequestBody

CORPUS = Path(__file__).parent.parent / "corpus" / "wire"
EVERYTHING = read_environment({"ALLOW": ",".join(OPERATIONS)}).settings.sockets[0].policy


def names(folder: str) -> list[str]:
    return sorted(path.stem for path in (CORPUS / folder).glob("*.http"))


def send(data: bytes, piece: int) -> bytes | Refusal:
    """Read requests one after the other, bodies in pieces of a size; return what the engine gets."""
    to_engine = b""
    while data:
        head, end, rest = data.partition(END_OF_HEAD)
        judged = judge(EVERYTHING, head + end)
        if isinstance(judged, Refusal):
            return judged
        assert isinstance(judged, Verdict)
        assert judged.decision.allowed, judged.decision.message
        to_engine += judged.to_engine
        body, data = RequestBody(judged.head), rest
        while not body.complete:
            assert data, "the body has no end"
            pieces, used = body.feed(data[:piece])
            to_engine += b"".join(pieces)
            data = data[used:]
            if body.broken:
                return Refusal(400, body.broken)
    return to_engine


@for_each("name", names("valid"))
def test_what_is_sent_has_one_reading_and_the_engine_gets_it_in_one_spelling(name: str) -> None:
    sent = (CORPUS / "valid" / f"{name}.http").read_bytes()
    assert send(sent, len(sent)) == (CORPUS / "valid" / f"{name}.expect").read_bytes()


@for_each("name", names("valid"))
def test_what_the_engine_gets_would_be_sent_again_as_it_is(name: str) -> None:
    expected = (CORPUS / "valid" / f"{name}.expect").read_bytes()
    assert send(expected, len(expected)) == expected


@for_each("piece", [1, 1 << 20])
@for_each("name", names("invalid"))
def test_what_has_no_single_reading_is_refused_and_the_reason_is_said(name: str, piece: int) -> None:
    refusal = send((CORPUS / "invalid" / f"{name}.http").read_bytes(), piece)
    assert isinstance(refusal, Refusal), refusal
    assert f"{refusal.status} {refusal.reason}" == (CORPUS / "invalid" / f"{name}.expect").read_text().rstrip("\n")


def test_every_file_of_the_corpus_has_its_counterpart() -> None:
    for folder in ("valid", "invalid"):
        expected = sorted(path.stem for path in (CORPUS / folder).glob("*.expect"))
        assert names(folder) == expected != []
