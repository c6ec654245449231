"""A long list is shortened while it comes, and shows what it would show as a whole."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import condition

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.stamps import make_stamp
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.own import own_by
from dockerproxy.views.lists import BELOW, LISTS, read_list
from dockerproxy.views.long_lists import MOST_OF_ELEMENT, Sieve, _Skip

SHOWS = ({"containers": condition("containers", ("web*",))},)
CONTAINERS = OPERATIONS["ContainerList"]
NASTY = st.text(st.sampled_from('"\\\\{}[],: a\N{EURO SIGN}\N{GRINNING FACE}')) | st.text(max_size=9)


def container(name: str, text: str = "") -> dict[str, object]:
    return {"Id": name.encode().hex() or "0", "Names": [f"/{name}"], "Labels": {"x": text, text: "y"}}


def sift(sieve: Sieve, content: bytes, cuts: list[int]) -> bytes:
    """Return what is left of a list that comes in pieces, each of which is sifted."""
    ends = sorted({*(cut % (len(content) + 1) for cut in cuts), len(content)})
    left = b""
    for start, stop in zip([0, *ends], ends, strict=False):
        left = sieve.take(left + content[start:stop])
    return left


@given(
    st.lists(st.tuples(st.sampled_from(["web", "web-1", "db"]), NASTY), max_size=6),
    st.lists(st.integers(0, 10_000), max_size=12),
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_a_sifted_list_shows_the_same_however_it_comes(
    listed: list[tuple[str, str]],
    cuts: list[int],
    indent: int | None,
    ascii: bool,  # noqa: A002, FBT001 (of json)
) -> None:
    content = json.dumps([container(*each) for each in listed], indent=indent, ensure_ascii=ascii).encode()
    sieve = Sieve(CONTAINERS, SHOWS)
    left = sift(sieve, content, cuts)
    whole, rest = read_list(CONTAINERS, content, ""), read_list(CONTAINERS, left, "")
    assert whole is not None
    assert rest is not None
    assert rest.show(SHOWS, {}) == rest.show(({},), {})
    assert json.loads(rest.show(SHOWS, {})) == json.loads(whole.show(SHOWS, {}))
    assert sieve.left_out == 0


@pytest.mark.parametrize("name", ["ContainerList", "ContainerListLibpod", "NetworkList", "VolumeList"])
def test_what_is_own_is_kept_before_the_labels_of_its_image_are_known(name: str) -> None:
    """A sweep and a prune find what they must by the same list."""
    operation = OPERATIONS[name]
    shows = ({"own": Condition(own_by("ci"), value=True)},)
    listed = [
        {"Id": 64 * digit, "Name": owner, "Names": [owner], "ImageID": f"sha256:{64 * 'c'}", "Labels": labels}
        for digit, owner, labels in (("a", "ci", make_stamp("ci", "n")), ("b", "team", make_stamp("team", "n")))
    ]
    key = BELOW.get(name, "")
    content = json.dumps({key: listed} if key else listed).encode()
    left = Sieve(operation, shows).take(content)
    assert (b'"Name": "ci"' in left, b'"Name": "team"' in left) == (True, False)


@given(st.dictionaries(NASTY, NASTY | st.lists(NASTY) | st.dictionaries(NASTY, NASTY)), NASTY, st.lists(st.integers(0)))
def test_an_element_that_is_skipped_ends_where_it_ends(value: dict[str, object], rest: str, cuts: list[int]) -> None:
    element = json.dumps(value, ensure_ascii=False).encode()
    content = element + rest.encode()
    ends = sorted({*(cut % len(content) for cut in cuts), len(content)})
    skip, at = _Skip(), 0
    for start, stop in zip([0, *ends], ends, strict=False):
        found = skip.feed(content[start:stop])
        if found is not None:
            at = start + found
            break
    assert at == len(element)


@pytest.mark.parametrize("step", [100_000, MOST_OF_ELEMENT // 2, 10 * MOST_OF_ELEMENT])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_elements_that_are_too_long_are_left_out_and_counted(step: int, at: int) -> None:
    long = container("web-long", '}]"\\' * 9 + "x" * MOST_OF_ELEMENT)
    listed = [container("web-1"), container("web-2")]
    content = json.dumps([*listed[:at], long, long, *listed[at:]]).encode()
    sieve = Sieve(CONTAINERS, SHOWS)
    left, longest = b"", 0
    for start in range(0, len(content), step):
        left = sieve.take(left + content[start : start + step])
        longest = max(longest, len(left))
    assert json.loads(left) == listed
    assert sieve.left_out == 2
    assert longest <= MOST_OF_ELEMENT + step


@pytest.mark.parametrize("name", sorted(LISTS))
def test_without_conditions_a_list_keeps_all(name: str) -> None:
    listed = [{"Id": "1f", "ID": "1f", "Name": "a", "Names": ["/a"], "ServiceID": "x"}] * 3
    content = json.dumps({"Volumes": listed, "Warnings": ["]"]} if name == "VolumeList" else listed).encode()
    assert json.loads(sift(Sieve(OPERATIONS[name], ()), content, [3, 20, 90])) == json.loads(content)


@pytest.mark.parametrize(
    "content", [b"", b"null", b"{}", b"[", b"[1", b"[}", b"[[", b'{"Volumes":null}', b"\xff", b"[\xff"]
)
@pytest.mark.parametrize("name", ["ContainerList", "VolumeList"])
def test_what_is_no_list_stays_as_it_is(name: str, content: bytes) -> None:
    assert Sieve(OPERATIONS[name], SHOWS).take(content) == content
