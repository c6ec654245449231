"""The head of a session says what the engine may call and whose it is, in words of the proxy."""

from builds.said import OWNER
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.builds.sessions import write_session
from dockerproxy.errors import Refusal
from dockerproxy.owner_labels import scope
from dockerproxy.wire.head import parse_request

EXPOSE = "X-Docker-Expose-Session-"
ID = EXPOSE + "Uuid: abc"
NAME = EXPOSE + "Name: job"
KEY = EXPOSE + "Sharedkey: job:hash"
METHOD = EXPOSE + "Grpc-Method: "
SYNC = METHOD + "/moby.filesync.v1.FileSync/DiffCopy"
SECRETS = METHOD + "/moby.buildkit.secrets.v1.Secrets/GetSecret"


def session(*fields: str, owner: str = OWNER) -> bytes | Refusal:
    """Return the head that the engine gets of a session."""
    lines = ["POST /session HTTP/1.1", "Host: docker", "Connection: Upgrade", "Upgrade: h2c", *fields]
    head = parse_request("\r\n".join((*lines, "", "")).encode("latin-1"))
    assert not isinstance(head, Refusal), head
    return write_session(head, owner)


def sent(*fields: str, owner: str = OWNER) -> list[str]:
    """Return the lines of that head that are about the session."""
    head = session(*fields, owner=owner)
    assert isinstance(head, bytes)
    assert head.startswith(b"POST /session HTTP/1.1\r\n")
    assert head.count(b"\r\n\r\n") == 1
    return [line for line in head.decode("latin-1").split("\r\n") if "expose" in line.lower()]


def test_a_session_goes_on_with_its_methods_and_with_names_of_its_owner() -> None:
    assert sent(ID, NAME, KEY, SECRETS, SYNC) == [
        f"x-docker-expose-session-uuid: {scope(OWNER, 'session', 'abc')}",
        f"x-docker-expose-session-sharedkey: {scope(OWNER, 'context', 'job:hash')}",
        "x-docker-expose-session-name: job",
        "x-docker-expose-session-grpc-method: /moby.buildkit.secrets.v1.Secrets/GetSecret",
        "x-docker-expose-session-grpc-method: /moby.filesync.v1.FileSync/DiffCopy",
    ]


REFUSED: list[tuple[str, ...]] = [
    (),
    (NAME, KEY, SYNC),
    (EXPOSE + "Uuid:", NAME),
    (ID, ID),
    (ID, EXPOSE.lower() + "uuid: other"),
    (ID, EXPOSE + "Uuid:"),
    (ID, NAME, NAME),
    (ID, KEY, KEY),
    (ID, KEY, EXPOSE.upper() + "SHAREDKEY: other"),
    (ID, EXPOSE + "Other: x"),
    (ID, EXPOSE + "Grpc-Methods: x"),
    (ID, EXPOSE + ": x"),
]


@for_each("fields", REFUSED)
def test_a_session_has_one_id_one_name_and_one_key_and_nothing_else(fields: tuple[str, ...]) -> None:
    assert session(*fields) == Refusal(400, "a session has one ID, one name and one key")


METHODS = [
    "/moby.buildkit.v1.Control/Solve",
    "/moby.filesync.v1.FileSync/Other",
    "/moby.filesync.v1.filesync/DiffCopy",
    "moby.filesync.v1.FileSync/DiffCopy",
    "/moby.filesync.v1.FileSync/DiffCopy/",
    "//moby.filesync.v1.FileSync/DiffCopy",
    "/moby.filesync.v1.FileSync/DiffCopy, /moby.exporter.v1.Exporter/FindExporters",
    "",
]


@for_each("method", METHODS)
def test_a_method_that_is_not_listed_is_left_out(method: str) -> None:
    assert sent(ID, METHOD + method) == sent(ID)
    assert sent(ID, SYNC, METHOD + method, SYNC) == sent(ID, SYNC)


VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=9)


@given(VALUES, VALUES, VALUES, VALUES)
def test_nobody_can_name_the_session_or_the_context_of_another(id_: str, key: str, one: str, two: str) -> None:
    fields = (EXPOSE + "Uuid: " + id_, EXPOSE + "Sharedkey: " + key)
    ours, theirs = sent(*fields, owner=one), sent(*fields, owner=two)
    assert (ours[0] == theirs[0]) == (ours[1] == theirs[1]) == (one == two)
    assert scope(one, "session", id_) in ours[0]
    assert ":" not in ours[0].partition(": ")[2], "the engine drops what stands before the first one"
    assert ours[0].partition(": ")[2] != ours[1].partition(": ")[2]


def test_a_hash_of_another_s_name_is_hashed_again() -> None:
    theirs = scope("two", "session", "abc")
    assert theirs not in str(session(EXPOSE + "Uuid: " + theirs))


def test_a_context_without_a_key_is_the_owner_s_as_well() -> None:
    [_, ours, *_] = sent(ID)
    assert ours == f"x-docker-expose-session-sharedkey: {scope(OWNER, 'context', ' ')}"
    assert sent(ID, KEY.partition(":")[0] + ":")[1] == ours
    assert sent(ID, owner="two")[1] != ours
