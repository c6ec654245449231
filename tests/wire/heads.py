"""Heads of requests: builders with defaults, and generators that aim at what parsers disagree about."""

from dataclasses import dataclass

from hypothesis import strategies as st

from dockerproxy.errors import Refusal
from dockerproxy.wire.head import END_OF_HEAD, Framing, RequestHead, parse_request

LINE = "GET /_ping HTTP/1.1"


def head_of(*fields: str, line: str = LINE, host: str | None = "docker") -> bytes:
    """Write the head of a request as a client might."""
    lines = [line, *([] if host is None else [f"Host: {host}"]), *fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def read_head(*fields: str, line: str = LINE, host: str | None = "docker") -> RequestHead:
    """Return the head that the parser makes of these lines, which must be readable."""
    head = parse_request(head_of(*fields, line=line, host=host))
    assert isinstance(head, RequestHead), head
    return head


def refusal_of(*fields: str, line: str = LINE, host: str | None = "docker") -> Refusal:
    """Return what the parser says of these lines, which must be refused."""
    refusal = parse_request(head_of(*fields, line=line, host=host))
    assert isinstance(refusal, Refusal), refusal
    return refusal


@dataclass(frozen=True)
class Reading:
    """What two parsers of one head must agree about."""

    method: bytes
    target: bytes
    minor: int
    framing: Framing
    length: int
    expects_continue: bool


METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE"])
TARGETS = st.sampled_from(
    ["/", "/_ping", "/v1.45/containers/json?all=1&filters=%7B%7D", "/images/a%2Fb/json", "/x?y=%", "*", "http://a/b"]
)
VERSIONS = st.sampled_from(["HTTP/1.1"] * 6 + ["HTTP/1.0"] * 2 + ["HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.10", ""])

REAL_FIELDS = st.sampled_from(
    [
        "User-Agent: Docker-Client/26.1.5 (linux)",
        "Content-Type: application/json",
        "X-Registry-Auth: e30=",
        "X-Meta-A:1",
        "X-Meta-A: 2 ",
        "Accept-Encoding: gzip",
        "Accept:\t*/*\t",
    ]
)
HOSTILE_FIELDS = st.sampled_from(
    [
        *("Content-Length: 0", "Content-Length: 3", "Content-Length: 003", "content-length:\t7 ", "Content-Length:"),
        *("Content-Length: 5, 5", "Content-Length: +5", "Content-Length: 0x5", "Content-Length: 5_0"),
        *("Transfer-Encoding: chunked", "TRANSFER-ENCODING:Chunked", "Transfer-Encoding : chunked"),
        *("Transfer-Encoding: gzip, chunked", "Transfer-Encoding:", "Transfer-Encoding: chunked;q=1"),
        *("Host: other", "Host:", "Host: a b", "Host: a/b", "Host: [::1]:80"),
        *("Connection: close", "Connection: keep-alive, X-Meta-A", "Connection: upgrade", "Connection: content-length"),
        *("Upgrade: tcp", "Upgrade: h2c, websocket", "Upgrade:"),
        *("Expect: 100-continue", "Expect: 100-Continue", "Expect: 200-ok", "TE: trailers", "Trailer: X-Meta-A"),
        *(" folded: yes", "\tfolded: yes", "Bad Name: 1", ": no name", "no colon", "X-High: \xff\x80", "X: a\x0bb"),
    ]
)
NOISE = st.sampled_from(
    ["\r", "\n", "\r\n", "\0", " ", "\t", ":", ",", "0", "\x7f", "\x85", "\xa0", "chunked", "HTTP/1.1"]
)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """Generate heads: most are nearly right, so that what is accepted is often near to what must not be."""
    line = f"{draw(METHODS)} {draw(TARGETS)} {draw(VERSIONS)}"
    fields = draw(st.lists(REAL_FIELDS | REAL_FIELDS | HOSTILE_FIELDS, max_size=4))
    host = draw(st.sampled_from(["Host: docker"] * 9 + [""]))
    text = "\r\n".join(filter(None, [line, host, *fields]))
    for noise in draw(st.lists(NOISE, max_size=2) | st.just([])):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 2))
        text = text[:at] + noise + text[at + cut :]
    return text.encode("latin-1") + END_OF_HEAD


@st.composite
def readable_heads(draw: st.DrawFn) -> RequestHead:
    """Generate heads as the parser makes them, of every shape that a client sends."""
    fields = draw(st.lists(REAL_FIELDS, max_size=3, unique_by=lambda field: field.partition(":")[0]))
    fields += draw(st.sampled_from([[], ["Content-Length: 0"], ["Content-Length: 42"], ["Transfer-Encoding: chunked"]]))
    minor = draw(st.sampled_from([0, 1, 1])) if "Transfer-Encoding: chunked" not in fields else 1
    fields += draw(
        st.sampled_from([[], ["Connection: close"], ["Connection: Upgrade", "Upgrade: tcp"], ["Upgrade: h2c"]])
    )
    if minor and draw(st.booleans()):
        fields.append("Expect: 100-continue")
    host = None if not minor and draw(st.booleans()) else "docker"
    return read_head(*fields, line=f"{draw(METHODS)} {draw(TARGETS)} HTTP/1.{minor}", host=host)
