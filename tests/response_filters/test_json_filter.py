"""A list is shortened while it comes, and shows what it would show as a whole. What is not cut stays byte for byte."""

import json
import tracemalloc
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import condition
from rows import for_each

from dockerproxy.api.answers import WORDS
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.owner_labels import make_stamp
from dockerproxy.policy.list_filters import LISTS
from dockerproxy.policy.lists import Element, Selection, Shows
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.own import own_by
from dockerproxy.response_filters.hiding import hide
from dockerproxy.response_filters.json_filter import (
    _WINDOW,
    AS_IT_CAME,
    MOST_OF_ELEMENT,
    Cutter,
    Walk,
    _Skip,
    cut,
    keep,
)

SHOWS = ({"containers": condition("containers", ("web*",))},)
Kept = TypeVar("Kept")
NASTY = st.text(st.sampled_from('"\\\\{}[],: a\N{EURO SIGN}\N{GRINNING FACE}')) | st.text(max_size=9)


def container(name: str, text: str = "") -> dict[str, object]:
    return {"Id": name.encode().hex() or "0", "Names": [f"/{name}"], "Labels": {"x": text, text: "y"}}


def cutter(shows: Shows = SHOWS, name: str = "ContainerList") -> Cutter[Element]:
    return Cutter(name, Selection(OPERATIONS[name], "", shows, {}).read)


def take(taking: Cutter[Kept], content: bytes, cuts: list[int]) -> bytes:
    """Return what is left of a list that comes in pieces."""
    ends = sorted({*(cut % (len(content) + 1) for cut in cuts), len(content)})
    left = b""
    for start, stop in zip([0, *ends], ends, strict=False):
        left = taking.take(left + content[start:stop])
    return left


@given(
    st.lists(st.tuples(st.sampled_from(["web", "web-1", "db"]), NASTY), max_size=6),
    st.lists(st.integers(0, 10_000), max_size=12),
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_a_list_shows_the_same_however_it_comes(
    listed: list[tuple[str, str]],
    cuts: list[int],
    indent: int | None,
    ascii: bool,  # noqa: A002, FBT001 (of json)
) -> None:
    content = json.dumps([container(*each) for each in listed], indent=indent, ensure_ascii=ascii).encode()
    taking = cutter()
    left = take(taking, content, cuts)
    assert json.loads(left) == [container(*each) for each in listed if each[0].startswith("web")]
    assert taking.left_out == 0
    for whole, rest in ((cutter(), content), (taking, left)):
        assert whole.finish(rest)
        assert [each.text for each in whole.elements] == [each.text for each in taking.elements]
        assert json.loads(whole.write(each.text for each in whole.elements)) == json.loads(left)


@pytest.mark.parametrize("name", ["ContainerList", "ContainerListLibpod", "NetworkList", "VolumeList"])
def test_what_is_own_is_kept_before_the_labels_of_its_image_are_known(name: str) -> None:
    """At the beginning of a list, what may be own is kept, too."""
    shows = ({"own": Condition(own_by("ci"), value=True)},)
    text = "x" * 600_000
    listed = [
        {
            "Id": 64 * digit,
            "Name": owner,
            "Names": [owner],
            "ImageID": f"sha256:{64 * 'c'}",
            "Labels": labels,
            "x": text,
        }
        for digit, owner, labels in (("a", "ci", make_stamp("ci", "n")), ("b", "team", make_stamp("team", "n")))
    ] * 2
    content = json.dumps({"Volumes": listed} if name == "VolumeList" else listed).encode()
    left = cutter(shows, name).take(content)
    assert (left.count(b'"Name": "ci"'), left.count(b'"Name": "team"')) == (2, 0)


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


@for_each("step", [100_000, MOST_OF_ELEMENT // 2, 10 * MOST_OF_ELEMENT])
@for_each("at", [0, 1, 2])
def test_elements_that_are_too_long_are_left_out_and_counted(step: int, at: int) -> None:
    long = container("web-long", '}]"\\' * 9 + "x" * MOST_OF_ELEMENT)
    listed = [container("web-1"), container("web-2")]
    content = json.dumps([*listed[:at], long, long, *listed[at:]]).encode()
    taking = cutter()
    left, longest = b"", 0
    for start in range(0, len(content), step):
        left = taking.take(left + content[start : start + step])
        longest = max(longest, len(left))
    assert json.loads(left) == listed
    assert taking.left_out == 2
    assert longest <= MOST_OF_ELEMENT + step
    assert taking.finish(left)
    assert len(taking.elements) == 2


@pytest.mark.parametrize(
    ("rest", "is_whole"), [(", {}]", True), (" ]", True), ("{}]", False), (",]", False), (",,{}]", False)]
)
def test_behind_an_element_that_is_skipped_a_list_goes_on_or_ends(rest: str, is_whole: bool) -> None:  # noqa: FBT001
    listing = Cutter("NetworkList", keep)
    left = listing.take(b'[{"a":"' + b"x" * 2 * MOST_OF_ELEMENT)
    for piece in ('"}', *rest):
        left = listing.take(left + piece.encode())
    assert (listing.finish(left) is not None, listing.left_out) == (is_whole, 1)


def test_an_element_of_a_short_list_may_be_long() -> None:
    content = json.dumps([container("web", "x" * MOST_OF_ELEMENT)]).encode()
    whole = cutter().finish(content)
    assert whole is not None
    assert whole.write(each.text for each in whole.elements) == content


@for_each("name", sorted(LISTS))
def test_without_conditions_a_list_keeps_all(name: str) -> None:
    listed = [{"Id": "1f", "ID": "1f", "Name": "a", "Names": ["/a"], "ServiceID": "x"}] * 3
    content = json.dumps({"Volumes": listed, "Warnings": ["]"]} if name == "VolumeList" else listed).encode()
    assert json.loads(take(cutter((), name), content, [3, 20, 90])) == json.loads(content)
    assert json.loads(take(Cutter(name, keep), content, [3, 20, 90])) == json.loads(content)


@for_each("content", [b"", b"null", b"{}", b"[", b"[1", b"[}", b"[[", b'{"Volumes":null}', b"\xff", b"[\xff"])
@for_each("name", ["ContainerList", "VolumeList"])
def test_what_is_no_list_stays_as_it_is(name: str, content: bytes) -> None:
    assert cutter(name=name).take(content) == content


@for_each("text", ['[{"Id":"1f"} {"Id":"2e"}]', '[{"Id":"1f"},]', '[{"Id":"1f"},,{"Id":"2e"}]', '[{"Id":"1f"}'])
@for_each("step", [1, 5, 100])
def test_a_list_that_is_no_json_is_refused_however_it_comes(text: str, step: int) -> None:
    listing, content, left = cutter((), "NetworkList"), text.encode(), b""
    for start in range(0, len(content), step):
        left = listing.take(left + content[start : start + step])
    assert listing.finish(left) is None


def test_bytes_that_are_no_text_stay_as_they_are() -> None:
    assert cut(b'{"a":"\xff"}', {"a": ""}, AS_IT_CAME) == b'{"a":"\xff"}'
    listing = Cutter("ContainerList", keep)
    assert listing.take(b'[{"a":"\xf0\x9f') + b'\x98\x80"}]' == listing.take(b'[{"a":"\xf0\x9f\x98\x80"}]')


@for_each(
    "content",
    [
        b"\x1f\x8b\x08\x00",
        b'{"Id":"x"',
        b'{"Id":"x"}{}',
        b'{"Id":"x",}',
        b'{"Id":"x" "Image":1}',
        b"{1:2}",
        b'{"Id" 1}',
        b"[{},]",
        b"[{}",
        b'"text"',
        b"[1]",
        "{}".encode("utf-16"),
        b"[" * 70 + b"]" * 70,
        b"[" * 100_000,
        b'{"Mounts":' * 100_000,
        b'{"Id":' + b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_not_shown(content: bytes) -> None:
    assert hide(OPERATIONS["ContainerInspect"], frozenset(WORDS), 200, content) is None


MANY = {**make_stamp("ci", "n"), **dict.fromkeys(map(str, range(60_000)), "")}


@for_each("count", [0, 200])
def test_an_element_of_many_labels_is_read_without_them_and_never_in_one_call(count: int) -> None:
    listed = [container("db")] * count + [{**container("web"), "Labels": MANY, "Ports": [{}] * 40_000}, container("db")]
    sizes = list[int]()

    def read(text: str, place: int) -> tuple[bool, int]:
        sizes.append(len(text) - place)
        return keep(text, place)

    whole = Cutter("ContainerList", read).finish(json.dumps(listed).encode())
    assert whole is not None
    assert (len(whole.elements), whole.left_out) == (count + 2, 0)
    assert max(sizes) <= 2 * _WINDOW
    shown = cutter(({},)).finish(json.dumps(listed).encode())
    assert shown is not None
    assert json.loads(shown.elements[count].text)["Labels"] == make_stamp("ci", "n")


@for_each("labels", [MANY, {"a": MANY, "b": [MANY, {}]}, {}])
def test_long_values_are_walked_along_and_end_where_they_end(labels: dict[str, object]) -> None:
    document = {"a": "x", "Labels": labels, "z": ["y"]}
    text = json.dumps(document)
    for node, left in (({"a": "", "z": ""}, {"a": "x", "z": ["y"]}), ({"*": ""}, document)):
        written = cut(text.encode(), node, AS_IT_CAME)
        assert written is not None
        assert json.loads(written) == left


def test_no_call_into_c_gets_more_than_a_window() -> None:
    text = json.dumps({"a": "x", **{str(number): MANY for number in range(3)}, "z": ["y"]})
    walk, sizes = Walk(text, AS_IT_CAME), list[int]()

    def read(part: str, place: int) -> tuple[None, int]:
        sizes.append(len(part) - place)
        return None, place + 1

    for place in range(len(text)):
        walk._window.read(place, read) if text[place] == "{" else None
    assert max(sizes) <= 2 * _WINDOW


def test_one_wide_character_makes_no_other_wider() -> None:
    value = {"a": ["x" * 1_000_000], "z": "\N{GRINNING FACE}"}
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    tracemalloc.start()
    try:
        assert cut(content, {"*": ""}, AS_IT_CAME) == content
        assert tracemalloc.get_traced_memory()[1] < 8 * len(content)
    finally:
        tracemalloc.stop()
