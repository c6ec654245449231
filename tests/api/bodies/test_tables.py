"""Each operation whose request says more than its path has one table, or is sealed. That it is whole, `drift` tests."""

import pytest

from dockerproxy.api.bodies.tables import CONTAINED, SEALED, Content
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claims.tables import BODIES


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
    assert body.streams is (body.content is Content.TAR)
    assert body.asks is any(field.path.startswith("@") for field in body.fields)
    if body.root.keys:
        assert OPERATIONS[name].method in {"POST", "PUT"}


def test_a_reason_to_seal_reads_as_a_clause() -> None:
    assert all(reason and not reason.endswith(".") for reason in SEALED.values())


def test_no_read_is_contained_so_that_a_section_that_reads_means_the_same_with_and_without_the_word() -> None:
    assert {OPERATIONS[name].access for name in CONTAINED} == {"write"}
