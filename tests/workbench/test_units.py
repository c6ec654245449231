"""Numbers fit into narrow columns, whatever they are."""

from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.workbench.units import write_age, write_duration, write_number, write_rate

NARROW = 6


@for_each(
    ("written", "expected"),
    [
        (write_number(0), "0"),
        (write_number(980), "980"),
        (write_number(1234), "1.2k"),
        (write_number(3_480_112), "3.5M"),
        (write_rate(0), "0"),
        (write_rate(0.4), "0.4"),
        (write_rate(1234), "1.2k"),
        (write_duration(None), "-"),
        (write_duration(0.74), "0.7ms"),
        (write_duration(38.2), "38ms"),
        (write_duration(1500), "1.5s"),
        (write_duration(12_000), "12s"),
        (write_duration(75_000), "1m15s"),
        (write_age(-3), "0s"),
        (write_age(59.9), "59s"),
        (write_age(3600 * 3 + 60 * 7), "3h07m"),
        (write_age(86400 * 5 + 3600 * 4), "5d04h"),
        (write_age(86400 * 400), "400d"),
    ],
)
def test_a_number_is_written_short(written: str, expected: str) -> None:
    assert written == expected


@given(st.integers(0, 2**62), st.floats(0, 1e9))
def test_a_number_fits_into_a_narrow_column(number: int, real: float) -> None:
    for written in (write_number(number), write_rate(real), write_duration(real), write_age(real)):
        assert 0 < len(written) <= NARROW
