"""Tables of any width, with any text in them."""

from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.workbench.panels import PANELS, SOCKETS
from dockerproxy.workbench.table import Column, Line, Row, Tone, cell, clean, fit, sort, write_row, write_titles

COLUMNS = (
    Column("NAME", 6, grows=True),
    Column("COUNT", 6, is_number=True),
    Column("LESS", 10, 1),
    Column("LEAST", 10, 2, grows=True),
)
TEXTS = st.text() | st.sampled_from(["\x1b[31m", "a\nb", "\u202egnp", "漢字", "e\u0301\u0301", "[red]x[/]", "\udcff"])


def text_of(line: Line) -> str:
    return "".join(text for text, _ in line)


@given(st.lists(TEXTS, min_size=4, max_size=4), TEXTS, st.integers(0, 250))
def test_a_line_has_the_width_of_the_table_whatever_is_in_it(texts: list[str], below: str, width: int) -> None:
    row = Row("key", "web", tuple(map(cell, texts)), below=((clean(below), Tone.BAD),))
    for line in (write_titles(COLUMNS, width, 1), *write_row(row, COLUMNS, width)):
        text = text_of(line)
        assert len(text) == width
        assert all(" " <= each <= "~" or each in "…▼" for each in text)


@given(st.integers(76, 300))
def test_no_table_of_ours_is_cut_at_80_columns_or_more(width: int) -> None:
    for panel in (SOCKETS, *PANELS):
        widths = fit(panel.columns, width)
        assert sum(widths.values()) + 2 * (len(widths) - 1) <= width, panel.name
        assert all(len(panel.columns[each].title) < wide for each, wide in widths.items() if each == panel.by)


def test_columns_that_matter_less_give_way() -> None:
    assert fit(COLUMNS, 60) == {0: 17, 1: 6, 2: 10, 3: 21}
    assert list(fit(COLUMNS, 37)) == [0, 1, 2]
    assert list(fit(COLUMNS, 20)) == [0, 1]
    assert list(fit(COLUMNS, 1)) == [0, 1]


def test_numbers_are_sorted_from_the_highest_and_texts_by_the_alphabet() -> None:
    rows = [Row(name, "", (cell(name), cell(str(count), count))) for name, count in (("b", 2), ("a", 10), ("c", 2))]
    assert [row.key for row in sort(rows, COLUMNS, 0)] == ["a", "b", "c"]
    assert [row.key for row in sort(rows, COLUMNS, 1)] == ["a", "b", "c"]
    assert [row.key for row in sort(rows, COLUMNS, 1, reverse=True)] == ["b", "c", "a"]


def test_the_column_by_which_it_is_sorted_has_a_mark() -> None:
    assert text_of(write_titles(COLUMNS, 20, 1)) == "NAME          COUNT▼"
    assert text_of(write_titles(COLUMNS, 20, 1, reverse=True)) == "NAME          COUNT▲"
    assert text_of(write_titles(COLUMNS, 20, 0)) == "NAME▲          COUNT"


def test_a_text_below_a_row_is_wrapped_and_not_without_end() -> None:
    row = Row("key", "web", tuple(map(cell, "abcd")), below=(("word " * 1000, Tone.BAD),))
    _, *below = write_row(row, COLUMNS, 80)
    assert len(below) == 6
    assert text_of(below[-1]).rstrip().endswith("…")
