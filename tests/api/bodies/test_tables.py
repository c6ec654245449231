"""Each operation whose request says more than its path has one table, or is sealed. That it is whole, `drift` tests."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.api.bodies import tables
from dockerproxy.api.bodies.tables import (
    BODIES,
    CONTAINED,
    SEALED,
    Content,
    Field,
    Type,
    grow_tree,
    list_beside,
    read_fields,
)
from dockerproxy.api.catalog import OPERATIONS, Access
from dockerproxy.api.rows import read_table
from dockerproxy.policy.objects import KINDS
from dockerproxy.text import fold

TITLES: list[str] = [
    title for file in tables._FILES for title in re.findall(r"^==.*", read_table(f"bodies/{file}"), re.MULTILINE)
]


def test_every_file_is_read() -> None:
    files = {path.stem for path in Path(tables.__file__).parent.glob("*.txt")}
    assert files == {*tables._FILES, "sealed"}


def test_a_table_has_a_name_of_its_own_and_is_part_of_others_or_an_operations() -> None:
    form = re.compile(r"== (?:([A-Z_]+)|(\w+): (?:none|json|json, or nothing|archive)(?:; repeated)?)")
    found = [form.fullmatch(title) for title in TITLES]
    assert None not in found
    names = [each[1] or each[2] for each in found if each]
    assert sorted(names) == sorted(set(names))
    assert [name for name in names if name in BODIES] == list(BODIES)


def test_an_operation_is_bounded_or_sealed_or_neither() -> None:
    assert not set(BODIES) & set(SEALED)
    assert set(BODIES) | set(SEALED) == CONTAINED
    assert set(OPERATIONS) >= CONTAINED


@for_each("name", sorted(BODIES))
def test_a_field_has_one_line_in_each_table(name: str) -> None:
    paths = [field.path for field in BODIES[name].fields]
    assert sorted(paths) == sorted(set(paths))


@for_each("name", sorted(BODIES))
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
    assert writes & BODIES.keys() == {"ContainerRestartLibpod", "ContainerStopLibpod"}  # They read no body.
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


TABLE = """
Name              string   1.0   names!   | is what it is called
Host.Binds[]      string   1.15  binds    | mounts
Host.Memory       integer  1.18  memory!  | bounds it
Mounts[].Type     string   1.25  part     | is its type
Mounts[]          object   1.25  mounts   | mounts
Ends.*.Aliases[]  string   1.22  any      | are names
Ends.*            object   1.22  networks | joins
Labels.*          string   1.18  any      | are labels
Rows[][]          string   1.40  unset    | are lists
?t[]              string   1.0   any      | are names
?force            boolean  1.0   unset    | forces
@Config.User      string   1.0   user     | is who runs it
"""
FIELDS = read_fields(TABLE)


def test_a_line_says_five_things() -> None:
    assert FIELDS[0] == Field(path="Name", type=Type.STRING, since="1.0", rule="names!", summary="is what it is called")


@pytest.mark.parametrize("line", ["Name string 1.0 any", "Name string any | x", "Name", "Name string 1.0 any x | y"])
def test_a_line_that_says_something_else_is_a_mistake(line: str) -> None:
    with pytest.raises(ValueError, match="Name"):
        read_fields(line)


def test_a_type_that_is_none_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="strnig"):
        read_fields("Name strnig 1.0 any | x")


def test_a_tree_has_lists_maps_and_objects() -> None:
    root = grow_tree(FIELDS)
    assert list(root.spelled) == ["Name", "Host", "Mounts", "Ends", "Labels", "Rows"]
    assert [each.type for each in root.spelled.values()] == [
        *(Type.STRING, Type.OBJECT, Type.LIST, Type.MAP, Type.MAP, Type.LIST)
    ]
    mounts, ends, rows = root.spelled["Mounts"], root.spelled["Ends"], root.spelled["Rows"]
    assert mounts.item is not None
    assert (mounts.rule, mounts.item.type, list(mounts.item.spelled)) == ("mounts", Type.OBJECT, ["Type"])
    assert ends.item is not None
    assert (ends.rule, ends.item.type, list(ends.item.spelled)) == ("networks", Type.OBJECT, ["Aliases"])
    assert rows.item is not None
    assert rows.item.item is not None
    assert (rows.item.type, rows.item.item.type) == (Type.LIST, Type.STRING)


def test_a_line_is_about_the_whole_list_or_map() -> None:
    root = grow_tree(FIELDS)
    binds = root.spelled["Host"].spelled["Binds"]
    assert binds.item is not None
    assert (binds.rule, binds.summary, binds.item.rule) == ("binds", "mounts", "any")


def test_what_is_looked_at_though_it_is_not_there_is_noted_all_the_way() -> None:
    root = grow_tree(FIELDS)
    assert [name for name, _ in root.always] == ["Name", "Host"]
    assert [name for name, _ in root.spelled["Host"].always] == ["Memory"]
    assert root.spelled["Mounts"].always == ()


def test_a_body_may_be_a_list() -> None:
    root = grow_tree(read_fields("[].Name string 1.0 any | x"))
    assert root.type is Type.LIST
    assert root.item is not None
    assert list(root.item.spelled) == ["Name"]


def test_what_is_beside_the_body_is_not_in_its_tree() -> None:
    assert set(list_beside(FIELDS, "?")) == {"t[]", "force"}
    assert set(list_beside(FIELDS, "@")) == {"Config.User"}


def test_a_table_can_include_another_one() -> None:
    row = "include OTHER Spec. Host.Memory=memory Mounts[]=unset"
    inner = read_fields(f"Name string 1.0 any | x\n{row}", {"OTHER": FIELDS[:5]})
    assert [(each.path, each.rule) for each in inner] == [
        ("Name", "any"),
        ("Spec.Name", "names!"),
        ("Spec.Host.Binds[]", "binds"),
        ("Spec.Host.Memory", "memory"),
        ("Spec.Mounts[].Type", "part"),
        ("Spec.Mounts[]", "unset"),
    ]


def test_what_is_included_as_it_is_stays_as_it_is() -> None:
    assert read_fields("include OTHER", {"OTHER": FIELDS}) == FIELDS


@pytest.mark.parametrize(("row", "wrong"), [("include OTHER", "OTHER"), ("include HERE Spec. Nam=any", "Nam")])
def test_only_what_is_above_can_be_included_with_rules_for_its_own_fields(row: str, wrong: str) -> None:
    with pytest.raises(KeyError, match=wrong):
        read_fields(row, {"HERE": FIELDS})


@pytest.mark.parametrize("key", ["HostConfig", "hostconfig", "HOSTCONFIG", "Ho\u017ftConfig", "HO\u017fTCONFIG"])
def test_go_takes_these_for_one_key(key: str) -> None:
    assert fold(key) == "hostconfig"


@pytest.mark.parametrize(
    "key", ["HostConf\u0130g", "HostConf\u0131g", "\uff28ostConfig", "HostConfig ", "\u1e9e", "HostConfig\0"]
)
def test_go_takes_these_for_others(key: str) -> None:
    assert fold(key) != "hostconfig"


@given(st.text(max_size=8))
def test_folding_what_is_folded_changes_nothing(key: str) -> None:
    assert fold(fold(key)) == fold(key)


@given(
    st.text(st.sampled_from("sSkK\u017f\u212axX\u0130\u00df\u00c9"), max_size=5),
    st.text("sSkK\u017f\u212axX\u0130", max_size=5),
)
def test_keys_are_one_if_go_s_smallest_fold_is(one: str, other: str) -> None:
    def smallest(key: str) -> str:
        return "".join(
            {"\u017f": "S", "\u212a": "K"}.get(each, each.upper() if each.isascii() else each) for each in key
        )

    assert (fold(one) == fold(other)) is (smallest(one) == smallest(other))
