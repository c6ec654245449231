"""Generators of request targets: spellings of known paths, and what nobody should send."""

from urllib.parse import quote

from api.paths import EVERY, path_of, version_of
from hypothesis import strategies as st

from dockerproxy.api.catalog import Operation

VERSIONS = st.sampled_from(
    ["", "", "", "/v1.45", "/v1", "/v1.45.0", "/v4.0.0", "/v01.45", "/v1.", "/v", "/v1.45x", "/V1.45"]
)
NOISE = st.sampled_from(
    [
        *(
            "/",
            "//",
            "/./",
            "/../",
            ".",
            "%",
            "%2",
            "%2e",
            "%2E%2e",
            "%2f",
            "%2F",
            "%252f",
            "%2541",
            "%00",
            "%0a",
            "%zz",
            "%25",
        ),
        "#",
        *("?", ";", "\\", ":", "@", "é", "\udcff", "%C3", "%A9", "v1.45", "+", "*", "|", '"', "<", "~", "!", "%41"),
    ]
)
NAMES = st.text("abcXYZ019-._~!$&'()*+,;=:@", min_size=1, max_size=8) | st.just("web")

# What the parser of heads lets through: anything but blanks and control characters, undecodable bytes as escapes.
RAW = st.binary(max_size=60).map(
    lambda data: "".join(
        letter for letter in data.decode(errors="surrogateescape") if letter > " " and letter != "\x7f"
    )
)
QUERIES = (
    st.sampled_from(["", "?", "?all=1", "?a=1&a=2", "?filters=%7B%22a%22:[]%7D", "?x=a+b&y=%2B", "?&&=&x", "?a=b=c"])
    | st.binary(max_size=20).map(lambda data: "?" + quote(data, safe="&=+/?"))
    | RAW.map(lambda text: "?" + text.replace("%", "").replace(";", "").replace("#", ""))
)


@st.composite
def near_targets(draw: st.DrawFn) -> str:
    """Generate targets near to an operation's, half of them with something odd in the path."""
    name = draw(NAMES)
    path = draw(VERSIONS) + path_of(
        draw(st.sampled_from(EVERY)), one=name, many=name + draw(st.sampled_from(["", "/a"]))
    )
    for noise in draw(st.just([]) | st.lists(NOISE, max_size=3)):
        at = draw(st.integers(0, len(path)))
        path = path[:at] + noise + path[at + draw(st.integers(0, 1)) :]
    return path + draw(QUERIES)


TARGETS = near_targets() | RAW.map(lambda text: f"/{text}") | RAW


@st.composite
def spelled(draw: st.DrawFn) -> tuple[Operation, str, str]:
    """Generate an operation, a target of it, and the same with some characters of the path escaped."""
    operation = draw(st.sampled_from(EVERY))
    path = draw(st.sampled_from(["", version_of(operation)])) + path_of(operation)
    query = draw(st.sampled_from(["", "?all=1&x=a/b"]))
    style = draw(st.sampled_from(["%{:02x}", "%{:02X}"]))
    chosen = draw(st.sets(st.integers(0, len(path) - 1), max_size=8))
    other = "".join(style.format(ord(letter)) if at in chosen else letter for at, letter in enumerate(path))
    return operation, path + query, other + query
