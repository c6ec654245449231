"""Decision IDs are short, unique, and read as a person says them."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.observe.decisions import choose_start, make_ids, read_id


def test_no_id_comes_twice_and_they_stay_short() -> None:
    ids = list(islice(make_ids("4KD7Q"), 1 << 17))
    assert len(set(ids)) == len(ids)
    assert ids[:2] == ["4KD7Q-00", "4KD7Q-01"]
    assert ids[1023:1025] == ["4KD7Q-ZZ", "4KD7Q-100"]
    assert max(map(len, ids)) == 10


def test_two_processes_begin_their_ids_differently() -> None:
    starts = [choose_start() for _ in range(20)]
    assert len(set(starts)) > 15
    assert {len(start) for start in starts} == {5}


@given(st.integers(0, 3000), st.sampled_from([str.lower, str.upper]), st.sampled_from(["-", " ", ""]))
def test_an_id_is_read_however_it_is_typed(number: int, spell: type[str], hyphen: str) -> None:
    decision = next(islice(make_ids(choose_start()), number, None))
    assert read_id(spell(decision).replace("-", hyphen)) == decision


def test_letters_that_look_like_digits_are_read_as_these() -> None:
    assert read_id("lIOoi-lO") == "11001-10"


@for_each("text", ["", "4KD7Q", "4KD7Q-", "4KD7Q-0", "4KD7U-00", "4KD7Q--00", "4KD7Q-00\n", "\u0131" * 8, "x" * 99])
def test_what_is_no_id_is_not_read(text: str) -> None:
    assert read_id(text) == ""
