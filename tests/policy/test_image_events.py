"""Which events of images a client sees: those that a list would show it."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import request_of

from dockerproxy.policy.image_events import ImageEvent, ImageEvents, read_image_event
from dockerproxy.policy.image_marks import ImageOwner, key_of, read_marks, write_mark
from dockerproxy.policy.objects import ResolvedObject

APP, BASE, TOOL = (f"docker.io/library/{name}:latest" for name in ("app", "base", "tool"))
ID, HEX = f"sha256:{'1' * 64}", "1" * 64
MINE = ImageOwner("mine", (TOOL,))


def image(*names: str, **owned: str) -> ResolvedObject:
    """Return an image with names, and marks by owner."""
    marks = [write_mark(key_of(name), owner) for owner, name in owned.items()]
    return ResolvedObject(ID, names, marks=read_marks([*names, *marks]))


def happens(action: str, name: str = "") -> ImageEvent:
    return ImageEvent(ID, action, name)


def test_own_names_come_and_go() -> None:
    seen = ImageEvents(MINE)
    assert seen.shows(happens("tag", APP), image(APP, mine=APP))
    assert seen.shows(happens("untag"), None)
    assert seen.shows(happens("delete"), None)
    assert not seen.shows(happens("delete"), None)


def test_what_was_there_before_is_known() -> None:
    assert ImageEvents(MINE, [image(APP, mine=APP)]).shows(happens("delete"), None)
    assert not ImageEvents(MINE, [image(APP, other=APP)]).shows(happens("delete"), None)


def test_podman_tells_names_also_at_their_end() -> None:
    seen, both = ImageEvents(MINE), image(APP, BASE, mine=APP)
    assert seen.shows(happens("tag", APP), both)
    assert seen.shows(happens("untag", APP), image(BASE, other=BASE))
    assert [seen.shows(happens("delete", APP), image(BASE, other=BASE)) for _ in range(2)] == [True, False]
    seen = ImageEvents(MINE, [both])
    assert seen.shows(happens("untag", APP), None)
    assert seen.shows(happens("delete", APP), None)
    assert not seen.shows(happens("delete", APP), None)


def test_an_untag_without_a_name_is_told_once_if_a_name_is_gone() -> None:
    seen = ImageEvents(MINE, [image(APP, mine=APP)])
    both = ResolvedObject(ID, (APP,), marks={**image(APP, mine=APP).marks, "new/1": frozenset({"mine"})})
    assert not seen.shows(happens("untag"), both)
    left = ResolvedObject(ID, (), marks={"new/1": frozenset({"mine"})})
    assert [seen.shows(happens("untag"), left) for _ in range(2)] == [True, False]


def test_no_event_tells_a_name_that_lists_hide() -> None:
    shared = image(APP, BASE, mine=APP, other=BASE)
    seen = ImageEvents(MINE, [shared])
    for action in ("tag", "untag", "delete", "push", "pull"):
        assert not seen.shows(happens(action, BASE), shared), action
    for name in (f"dockerproxy.local/{'1' * 40}:mine", "dockerproxy.local/new/x:mine"):
        assert read_image_event(ID, "tag", name) is None
        assert read_image_event(name, "pull", "") is None


def test_what_others_do_to_a_shared_image_is_not_told() -> None:
    shared = image(APP, BASE, mine=APP, other=BASE)
    seen = ImageEvents(MINE, [shared])
    for action in ("import", "load", "save", "build", "untag", "mount"):
        assert not seen.shows(happens(action), shared), action
    assert seen.shows(happens("save"), image(APP, mine=APP))


def test_a_mark_that_goes_before_its_name_hides_no_end() -> None:
    """As the proxy removes names. The last end of a shared image is another's."""
    seen = ImageEvents(MINE, [image(APP, mine=APP)])
    assert [
        seen.shows(happens(action), found)
        for action, found in (
            ("untag", image(APP)),
            ("untag", image()),
            ("untag", image()),
            ("delete", None),
        )
    ] == [True, False, False, True]
    seen, left = ImageEvents(MINE, [image(APP, BASE, mine=APP, other=BASE)]), image(BASE, other=BASE)
    steps = [("untag", image(APP, BASE, other=BASE)), ("untag", left), ("untag", None), ("delete", None)]
    assert [seen.shows(happens(action), found) for action, found in steps] == [True, False, False, False]


def test_what_is_nobodys_is_not_told() -> None:
    seen = ImageEvents(MINE, [image(TOOL)])
    pulled = read_image_event("tool:latest", "pull", "tool")
    assert pulled == ImageEvent(TOOL, "pull", TOOL)
    events = (pulled, *(happens(action, name) for action in ("tag", "save", "untag", "delete") for name in ("", TOOL)))
    assert not any(seen.shows(event, image(TOOL)) for event in events)


def test_an_image_whose_mark_goes_first_is_told_to_nobody_else() -> None:
    seen = ImageEvents(MINE, [image(TOOL, other=TOOL)])
    steps = [("untag", image(TOOL)), ("untag", None), ("delete", None)]
    assert not any(seen.shows(happens(action), found) for action, found in steps)


def test_podman_tells_the_id_of_what_is_built_as_a_name() -> None:
    built = read_image_event("", "build", HEX)
    assert built == ImageEvent(HEX, "build", "")
    assert ImageEvents(MINE).shows(built, ResolvedObject(ID, (), marks={"new/1": frozenset({"mine"})}))
    assert read_image_event("", "build", "") is None


_STATES = st.sampled_from([None, image(BASE, other=BASE), image(BASE), image(APP, BASE, other=BASE)])


@given(st.lists(st.tuples(st.sampled_from(["tag", "untag", "delete", "load", "push", "x"]), _STATES)))
def test_who_never_sees_an_image_gets_no_event_of_it(steps: list[tuple[str, ResolvedObject | None]]) -> None:
    seen = ImageEvents(MINE)
    assert not any(seen.shows(happens(action, name), found) for action, found in steps for name in ("", BASE, APP))


def test_what_is_remembered_is_bounded() -> None:
    many = (
        ResolvedObject(f"{number:064x}", (APP,), marks=read_marks([write_mark(key_of(APP), "mine")]))
        for number in range(5000)
    )
    seen = ImageEvents(MINE, many)
    assert not seen.shows(ImageEvent(f"{0:064x}", "delete", ""), None)
    assert seen.shows(ImageEvent(f"{4999:064x}", "delete", ""), None)


@pytest.mark.parametrize(
    "filters",
    [
        *('{"event":["delete"]}', '{"Status":{"remove":true}}', '{"\u017ftatus":["remove"]}', "["),
        *('{"label":["name=x"]}', '{"type":["image"],"image":["x"]}', '{"type":["image"]}', "{}", ""),
    ],
)
def test_with_a_filter_of_what_happens_no_end_is_told(filters: str) -> None:
    """How an own name went may have been left out; the end is then what another made."""
    request = request_of("GET", f"/events?filters={quote(filters)}")
    seen = ImageEvents(MINE, [image(APP, mine=APP)], request=request)
    assert seen.shows(happens("delete"), None) is (filters in {'{"type":["image"]}', "{}", ""})
