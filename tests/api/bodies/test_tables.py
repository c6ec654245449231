"""Every field that the engines are known to have is in a table, or is excused from it with a reason."""

import csv
import re
from pathlib import Path

import pytest

from dockerproxy.api.bodies.fields import Node, Type
from dockerproxy.api.bodies.tables import BODIES, CONTAINED, SEALED, Content
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.text import fold

FACTS = Path(__file__).parent.parent.parent / "corpus" / "bodies" / "fields.tsv"
"""Fields of bodies and queries: from Docker's descriptions of its API 1.25 to 1.56, and from both engines' sources."""

_AT_THE_TOP = "engines up to 26.1 read it where the host config should be; what is there is refused"
EXCUSED: dict[str, str] = {
    "ConfigCreate Data[]": "one description has a list of bytes, which is text in base64",
    "ConfigUpdate Data[]": "one description has a list of bytes, which is text in base64",
    "SecretCreate Data[]": "one description has a list of bytes, which is text in base64",
    "SecretUpdate Data[]": "one description has a list of bytes, which is text in base64",
    "ContainerCreate CpuShares": _AT_THE_TOP,
    "ContainerCreate Cpuset": _AT_THE_TOP,
    "ContainerCreate CpusetCpus": _AT_THE_TOP,
    "ContainerCreate Memory": _AT_THE_TOP,
    "ContainerCreate MemorySwap": _AT_THE_TOP,
    "ContainerCreate VolumeDriver": _AT_THE_TOP,
    "ContainerCreate HostConfig.PortBindings.*.HostIp": "one description leaves out that it is a list",
    "ContainerCreate HostConfig.PortBindings.*.HostPort": "one description leaves out that it is a list",
    "ContainerCreate Volumes.additionalProperties": "a slip of one description: a word of JSON Schema as a field",
    "ImageCommit Volumes.additionalProperties": "a slip of one description: a word of JSON Schema as a field",
}
"""What is in the list and in no table, as `operation field`, and why."""


def read_facts() -> list[tuple[str, str, str]]:
    with FACTS.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["operation"], row["where"], row["field"]) for row in rows]


FIELDS = [fact for fact in read_facts() if fact[0] in BODIES]


def find(node: Node | None, parts: list[str]) -> Node | None:
    """Return what stands at a place of a body, as Go would find it; None if nothing does."""
    for part in parts:
        if node is None:
            return None
        if part in {"[]", "*"}:
            node = node if node.type in {Type.WORDS, Type.EMPTY} else node.item
        else:
            node = node.keys.get(fold(part), ("", None))[1]
    return node


def is_known(operation: str, where: str, field: str) -> bool:
    body = BODIES[operation]
    if where == "query":
        return field in body.parameters or f"{field}[]" in body.parameters
    return find(body.root, re.findall(r"\[\]|\*|[^.\[\]*]+", field)) is not None


@pytest.mark.parametrize("fact", FIELDS, ids=map(" ".join, FIELDS))
def test_a_field_that_an_engine_has_is_in_the_table(fact: tuple[str, str, str]) -> None:
    operation, where, field = fact
    assert is_known(operation, where, field) is not (f"{operation} {field}" in EXCUSED)


def test_what_is_excused_is_in_the_list() -> None:
    assert set(EXCUSED) <= {f"{operation} {field}" for operation, _, field in FIELDS}


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
