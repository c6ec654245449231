"""What is kept of a comparison only grows, and is written in one order."""

from pathlib import Path

from drift.facts import FACTS, FIELDS, OPERATIONS, Name, Route, keep, read_names, read_routes


def test_what_is_kept_is_written_the_same_way_again(tmp_path: Path) -> None:
    keep(read_routes(), read_names(), tmp_path)
    for name in (FIELDS, OPERATIONS):
        assert (tmp_path / name).read_bytes() == (FACTS / name).read_bytes()


def test_what_is_kept_is_never_taken_away_and_keeps_the_version_that_it_had(tmp_path: Path) -> None:
    old = Name(operation="ContainerCreate", where="body", field="Image", first="1.0")
    new = Name(operation="ContainerCreate", where="body", field="NewThing", first="1.99")
    route = Route(engine="docker", method="GET", path="/info", first="1.0")
    keep([route], [old], tmp_path)
    keep([], [Name(operation="ContainerCreate", where="body", field="Image", first="1.99"), new], tmp_path)
    assert read_names(tmp_path) == [old, new]
    assert read_routes(tmp_path) == [route]
