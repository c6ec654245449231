"""A table becomes a tree in which every field is found as Go finds it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.api.bodies.fields import Field, Type, grow_tree, list_beside, read_fields
from dockerproxy.text import fold

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
