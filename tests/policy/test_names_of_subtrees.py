"""The name of a volume of ours says which path it is for."""

import json

from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.policy.subtrees import LONGEST, is_ours, name_volume, show_binds

PATHS = st.lists(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=6),
    min_size=1,
    max_size=4,
)


@given(PATHS, PATHS)
def test_the_name_of_a_volume_says_its_path_and_no_two_have_one(root: list[str], rest: list[str]) -> None:
    before = f"/{'/'.join(root)}"
    path = f"{before}/{'/'.join(rest)}"
    name = name_volume(path, before)
    assert is_ours(name)
    assert name.isascii()
    listed = json.dumps(
        [{"Type": "volume", "Name": name, "Destination": "/x", "Driver": "local", "Mode": "z", "RW": True}]
    )
    [shown] = json.loads(show_binds(listed))
    expected = {"Type": "bind", "Source": path, "Destination": "/x", "Mode": "", "RW": True, "Propagation": "rprivate"}
    assert shown == expected


def test_a_name_says_which_part_is_the_root() -> None:
    names = {name_volume("/a/b/c", root) for root in ("/a", "/a/b")} | {
        name_volume("/a/b_c", "/a/b"),
        name_volume("/a/b_.c", "/a"),
    }
    assert len(names) == 4
    assert len(name_volume("/srv/work/" + "a" * 200, "/srv/work")) < LONGEST
