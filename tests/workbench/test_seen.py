"""What was seen of one condition becomes what a policy says of it, or it is said why not."""

import itertools
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.policy.words.spellings import read_ports
from dockerproxy.workbench.needs import UNTOLD, Gap
from dockerproxy.workbench.owned import Owned
from dockerproxy.workbench.seen import Settled, begin

WORDS = {**find_words(OPERATIONS["ContainerCreate"]), **find_words(OPERATIONS["ContainerExec"])}
ENDLESS = "there were too many to read"


def settle(word: str, seen: Iterable[Value | Gap], *, before: Value | None = None, resumed: bool = False) -> Settled:
    """Return what is made of what requests need, perhaps after a restart."""
    noted = begin(WORDS[word], Owned(), of_body=True)
    seen = list(seen)
    if resumed:
        noted.resume(before, 1)
    for value in seen:
        noted.note(value)
    return noted.settle(len(seen) + resumed)


def published(ports: Iterable[str], *addresses: str) -> Pairs:
    return Pairs((("ports", tuple(ports)), ("addresses", addresses)))


@for_each(
    ("word", "seen", "value"),
    [
        ("binds", [("/a",), ("/b:ro", "/a")], ("/a", "/b:ro")),
        ("binds", [("/a:ro",), ("/a",)], ("/a",)),
        ("volumes", [], None),
        ("networks", [("default",), ("ci",)], ("ci", "default")),
        ("networks", [("default",), ("default",)], None),
        ("commands", [(("b", "c"),), (("a",),)], (("a",), ("b", "c"))),
        ("publish", [published(["80"], "::1"), published(["0"], "::1", "::")], published(["0", "80"], "::", "::1")),
        ("publish", [], None),
        ("memory", [Gap("x")], None),
    ],
)
def test_words_about_bodies_join_what_requests_need(word: str, seen: list[Value], value: Value | None) -> None:
    assert settle(word, seen) == Settled(value)


def test_names_that_are_made_up_become_patterns_in_bodies_too() -> None:
    ends = ("3f9a2b", "77c01d", "00aa11")
    for word, before, pattern in (
        ("names", "job-", "job-*"),
        ("binds", "/srv/job-", "/srv/job-*"),
        ("volumes", "job-", "job-*"),
        ("images", "reg.example/job-", "reg.example/job-*"),
    ):
        settled = settle(word, [(f"{before}{end}",) for end in ends])
        assert settled.value == (pattern,)
        assert f'{word}: "{pattern}" stands for names like' in settled.remarks[0]
    assert settle("binds", [(f"/srv/job-{end}:ro",) for end in ends]).value == ("/srv/job-*:ro",)


def test_a_word_that_narrows_is_left_out_where_a_request_does_not_keep_to_it() -> None:
    settled = settle("names", [("web",), Gap("gave no name")])
    assert settled == Settled(None, ("names: left out, since 1 of 2 requests gave no name; seen were web",))
    assert settle("names", [("web",), UNTOLD]).value is None


def test_lists_without_end_are_left_out_if_they_narrow_and_else_open_the_grant() -> None:
    words = ["".join(three) for three in itertools.islice(itertools.product("abcdefgh", repeat=3), 400)]
    names, volumes = (settle(word, [(name,) for name in words]) for word in ("names", "volumes"))
    assert (names.value, names.fault) == (None, "")
    assert f"names: left out, since {ENDLESS}" in names.remarks[0]
    assert (volumes.value, volumes.remarks) == (None, ())
    assert volumes.fault.startswith(f"volumes: {ENDLESS}; seen were aaa, aab")
    commands = settle("commands", [((name,),) for name in words])
    assert commands.remarks[0].startswith(f"commands: left out, since {ENDLESS}; seen were [aaa], [aab]")


# Ports


@given(st.sets(st.integers(0, 60) | st.integers(65500, 65535)))
def test_ports_that_follow_each_other_are_a_range_and_stay_the_same_ports(ports: set[int]) -> None:
    value = settle("publish", [published([str(port)], "::") for port in ports]).value
    texts = dict(value.items)["ports"] if isinstance(value, Pairs) else ()
    ranges = [read_ports(text) or range(0) for text in texts]
    assert sorted(port for each in ranges for port in each) == sorted(ports)
    assert not ports or ("0" in texts) is (0 in ports)
    assert all(one.stop != other.start for one, other in itertools.pairwise(ranges) if one.start)


def test_ports_without_end_may_be_any_but_not_everywhere() -> None:
    settled = settle("publish", [published([str(port)], "::1") for port in range(1, 1000, 2)])
    assert settled == Settled(Pairs((("addresses", ("::1",)),)), (f"publish: ports left out, since {ENDLESS}",))
    some = settle("publish", [published([str(port)], "::1") for port in range(1, 240, 2)])
    assert some == settled
    addresses = [f"::{number:x}" for number in range(250)]
    following = [published([str(port)], address) for port, address in enumerate(addresses, 1)]
    why = f"publish: addresses left out, since {ENDLESS}"
    assert settle("publish", following) == Settled(Pairs((("ports", ("1-250",)),)), (why,))
    scattered = [published([str(2 * port + 1)], address) for port, address in enumerate(addresses)]
    assert settle("publish", scattered) == Settled(None, (), f"publish: {ENDLESS}")


# After a restart


@for_each(
    ("word", "before", "seen", "value"),
    [
        ("volumes", None, [("data",)], ("data",)),
        ("volumes", ("data", "ci-*"), [("ci-1",)], ("ci-*", "data")),
        ("networks", None, [("ci",)], ("ci", "default")),
        ("networks", ("ci",), [("ci",)], ("ci",)),
        ("names", None, [("web",)], None),
        ("commands", (("a",),), [(("b",),)], (("a",), ("b",))),
        ("publish", published(["80"], "::"), [published(["81"], "::1")], published(["80-81"], "::", "::1")),
        ("publish", Pairs((("ports", ("80",)),)), [published(["81"], "::1")], Pairs((("ports", ("80-81",)),))),
        ("publish", None, [published(["81"], "::1")], published(["81"], "::1")),
        ("memory", "1GiB", [], "1GiB"),
        ("memory", "1GiB", [(), "512MiB"], "1GiB"),
        ("memory", "1GiB", ["2GiB", "1536MiB"], "2GiB"),
        ("memory", "1GiB", [""], None),
        ("memory", None, ["2GiB"], None),
        ("read_only", "required", ["required"], "required"),
        ("read_only", "required", [""], None),
        ("drop_capabilities", ("cap_net_raw",), [("NET_RAW",)], None),
        ("drop_capabilities", ("NET_RAW",), [("SYS_TIME",)], ("NET_RAW",)),
        ("labels", Pairs((("owner", "ci"),)), [], Pairs((("owner", "ci"),))),
    ],
)
def test_what_a_file_says_goes_on_growing(
    word: str, before: Value | None, seen: list[Value], value: Value | None
) -> None:
    assert settle(word, seen, before=before, resumed=True).value == value


def test_what_a_person_has_demanded_is_loosened_where_a_request_did_not_keep_to_it_and_it_is_said() -> None:
    settled = settle("memory", ["2GiB", "1GiB"], before="1GiB", resumed=True)
    assert settled.remarks == ('memory: "1GiB" became "2GiB", since 1 of 3 requests did not keep to it',)
    settled = settle("read_only", ["", "required"], before="required", resumed=True)
    assert settled.remarks == ("read_only: required left out, since 1 of 3 requests did not keep to it",)
