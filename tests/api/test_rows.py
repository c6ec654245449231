"""A table is rows, and what is said to its reader is none of them."""

from pathlib import Path

import pytest

from dockerproxy.api.rows import list_rows, read_table, read_tables, split_row


def test_blank_lines_and_remarks_are_no_rows() -> None:
    assert list_rows("# a | b\n#\n\na   b | c\n#X-Field | c\n") == ["a   b | c", "#X-Field | c"]


def test_a_row_has_columns_and_a_phrase() -> None:
    assert split_row("a  b   | says it | and more", 3) == ["a", "b", "says it | and more"]


@pytest.mark.parametrize("row", ["a | b", "a b c | d", "a b", "a b c", "a b | ", "a b |c", "| c"])
def test_a_row_with_other_columns_or_no_phrase_is_a_mistake(row: str) -> None:
    with pytest.raises(ValueError, match=row.replace("|", r"\|")):
        split_row(row, 3)


def test_a_table_that_is_missing_is_an_error_and_not_empty() -> None:
    with pytest.raises(FileNotFoundError):
        read_table("bodies/missing")


def test_tables_of_a_file_beside_a_module_have_names(tmp_path: Path) -> None:
    (tmp_path / "both.txt").write_text("# says\n\n== one\na | b\n\n# says\n== other table\n  c\n", encoding="utf-8")
    assert read_tables("both", str(tmp_path / "module.py")) == {"one": ["a | b"], "other table": ["  c"]}
