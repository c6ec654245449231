"""Each operation whose request says more than its path has one table, or is sealed. That it is whole, `drift` tests."""

import re
from pathlib import Path

import pytest

from dockerproxy.api.bodies import tables
from dockerproxy.api.bodies.tables import BODIES, CONTAINED, SEALED, Content
from dockerproxy.api.catalog import OPERATIONS, Access
from dockerproxy.api.rows import read_table
from dockerproxy.policy.objects import KINDS

TITLES: list[str] = [
    title for file in tables._FILES for title in re.findall(r"^==.*", read_table(f"bodies/{file}"), re.MULTILINE)
]


def test_every_file_is_read() -> None:
    files = {path.stem for path in Path(tables.__file__).parent.glob("*.txt")}
    assert files == {*tables._FILES, "sealed"}


def test_a_table_has_a_name_of_its_own_and_is_part_of_others_or_an_operations() -> None:
    form = re.compile(r"== (?:([A-Z_]+)|(\w+): (?:none|json|json, or nothing|tar)(?:; repeated)?)")
    found = [form.fullmatch(title) for title in TITLES]
    assert None not in found
    names = [each[1] or each[2] for each in found if each]
    assert sorted(names) == sorted(set(names))
    assert [name for name in names if name in BODIES] == list(BODIES)


def test_an_operation_is_bounded_or_sealed_or_neither() -> None:
    assert not set(BODIES) & set(SEALED)
    assert set(BODIES) | set(SEALED) == CONTAINED
    assert set(OPERATIONS) >= CONTAINED


@pytest.mark.parametrize("name", sorted(BODIES))
def test_a_field_has_one_line_in_each_table(name: str) -> None:
    paths = [field.path for field in BODIES[name].fields]
    assert sorted(paths) == sorted(set(paths))


@pytest.mark.parametrize("name", sorted(BODIES))
def test_a_table_of_a_body_is_one_of_an_operation_that_has_one(name: str) -> None:
    body = BODIES[name]
    assert body.operation == name
    assert body.is_read is (body.content in {Content.JSON, Content.MAYBE_JSON})
    assert body.optional is (body.content is not Content.JSON)
    assert body.asks is any(field.path.startswith("@") for field in body.fields)
    if body.root.keys:
        assert OPERATIONS[name].method in {"POST", "PUT"}


def test_all_that_podmans_own_api_changes_is_sealed_but_acts_on_one_object() -> None:
    writes = {name for name, each in OPERATIONS.items() if name.endswith("Libpod") and each.access is Access.WRITE}
    assert writes.isdisjoint(BODIES)
    assert writes - SEALED.keys() == {
        *(f"Container{act}Libpod" for act in ("Attach", "Delete", "Kill", "Pause", "Resize", "Restart", "Start")),
        *(f"Container{act}Libpod" for act in ("Stop", "Unpause")),
        *(f"Pod{act}Libpod" for act in ("Delete", "Kill", "Pause", "Restart", "Start", "Stop", "Unpause")),
        *(f"{kind}DeleteLibpod" for kind in ("Image", "Network", "Secret", "Volume")),
        "ExecResizeLibpod",
    }
    assert all(KINDS[name] for name in writes - SEALED.keys())


def test_a_reason_to_seal_reads_as_a_clause() -> None:
    assert all(reason and not reason.endswith(".") for reason in SEALED.values())


def test_the_only_reads_that_are_contained_reach_more_than_what_is_read() -> None:
    """With `CONTAINED=1`, too, switches open these as they always did."""
    assert {name for name in CONTAINED if OPERATIONS[name].access == "read"} == {
        *("ContainerTop", "SecretInspect", "SecretInspectLibpod"),
        *("ImageSearch", "ImageSearchLibpod", "GetPluginPrivileges"),
    }
