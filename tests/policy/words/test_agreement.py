"""What a constraint lists, admits, reads back and compares agrees, whatever the values."""

from collections.abc import Hashable, Mapping
from functools import cache
from importlib import import_module
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from policy.inspecting import admits
from rows import for_each

from dockerproxy.advice.needs import can_be_listed
from dockerproxy.policy.globs import covers, fits
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.references import Reference
from dockerproxy.policy.values import Pairs, Value, is_literal
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.binds import Bind
from dockerproxy.policy.words.constraint import Choice
from dockerproxy.policy.words.limits import MISSING, Swap
from dockerproxy.policy.words.networks import DEFAULT, Joined
from dockerproxy.policy.words.publish import normalise_address
from dockerproxy.policy.words.spellings import read_network, read_ports

ID, OTHER = "4f5e" + 60 * "0", "9" * 64
SWARM_ID = "4cdgfyky7ozwh3htjfw0d12qv"
PODMAN = ResolvedObject(OTHER, ("podman",), subject=OTHER)
NAMES = ("web", "db", "db-1", "a.b", "WEB")
NAMED = tuple(ResolvedObject(name, (name,), subject=name) for name in NAMES)
OBJECTS = (
    *NAMED,
    ResolvedObject(ID, ("web",), subject=ID),
    ResolvedObject(OTHER, ("x", "db-2"), subject=OTHER),
    ResolvedObject(OTHER, ("x", "db-2"), every=True, subject=OTHER),
    ResolvedObject(ID, (), subject=ID),
    ResolvedObject(f"sha256:{OTHER}", ("db",), subject=f"sha256:{OTHER}"),
)
REFERENCES = tuple(
    f"{name}:{tag}"
    for name in ("docker.io/library/nginx", "docker.io/ci/app", "registry.example/a/b")
    for tag in ("latest", "1", "1.27")
)
IMAGES = (
    *(ResolvedObject(name, (name,)) for name in REFERENCES),
    ResolvedObject(f"sha256:{ID}", REFERENCES[:2], subject=f"sha256:{ID}"),
    ResolvedObject(f"sha256:{ID}", REFERENCES[:2], every=True, subject=f"sha256:{ID}"),
    ResolvedObject(f"sha256:{OTHER}", (), subject=f"sha256:{OTHER}"),
)
TEXTS = ("", "a", "b", "ab", "/", "/a", "/a/b", "/ab", "a/b", "*")
SIGNALS = ("HUP", "KILL", "TERM", "RTMIN+3", "32")
NETWORKS = ("10.0.0.0/8", "10.9.0.0/16", "10.9.1.0/24", "::/0", "fd00::/16", "fd00::/64")
COMMANDS = ((), ("ls",), ("ls", "-l"), ("ls", "a"), ("ls", "a/b"), ("ls", "a", "b"), ("rm", "a"))

CHOICES = {name: each for name, each in CONSTRAINTS.items() if isinstance(each, Choice)}


def _find_own() -> Mapping[str, ModuleType]:
    """Return the tests of constraints that bring samples of claims, and values of a policy."""
    modules = {path.stem: path for path in Path(__file__).parent.glob("test_*.py")}
    found = {word: import_module(f"policy.words.test_{word}") for word in CONSTRAINTS if f"test_{word}" in modules}
    return {word: module for word, module in found.items() if hasattr(module, "VALUES")}


OWN = _find_own()

SAMPLES: Mapping[str, tuple[Hashable, ...]] = {
    "add_capabilities": ("NET_RAW", "SYS_TIME", "ALL"),
    "binds": tuple(Bind(path, each) for path in ("/", "/a", "/a/b", "/ab", "/b") for each in (False, True)),
    "commands": COMMANDS,
    "configs": OBJECTS,
    "containers": OBJECTS,
    "images": (
        *IMAGES,
        *(
            Reference(name, *rest)
            for name in ("docker.io/library/nginx", "docker.io/ci/app", "registry.example/a/b")
            for rest in ((), ("latest",), ("1",), ("", f"sha256:{ID}"))
        ),
    ),
    "joins": OBJECTS,
    "names": OBJECTS,
    "networks": (
        *OBJECTS,
        ResolvedObject(SWARM_ID, ("front",), subject=SWARM_ID),
        *(Joined(ResolvedObject(name, (name,))) for name in NAMES),
        Joined(DEFAULT, is_default=True),
    ),
    "path": ("/", "/a", "/a/b", "/ab", "/b"),
    "pods": OBJECTS,
    "publish": (
        *map(read_ports, ("0", "80", "81", "80-81", "79-80", "8000-8999")),
        *(("::1",), ("0:0::1",), ("127.0.0.1",), ("0.0.0.0", "::")),  # noqa: S104
    ),
    "secrets": OBJECTS,
    "services": (*OBJECTS, ResolvedObject(SWARM_ID, ("front",), subject=SWARM_ID)),
    "signal": SIGNALS,
    "subnets": tuple(map(read_network, NETWORKS)),
    "tags": IMAGES[: len(REFERENCES)],
    "volumes": OBJECTS,
}
"""Values that requests claim, by words that list them."""

COMPARED: Mapping[str, tuple[Hashable, ...]] = {
    **SAMPLES,
    **dict.fromkeys(CHOICES, (False, True, None)),
    "cpus": (MISSING, *range(-1, 2), 10**9, 2 * 10**9),
    "follow": (False, True, None),
    "labels": tuple(Pairs(tuple(each)) for each in ((), (("a", "x"),), (("a", "y"), ("b", "x")), (("a=", ""),))),
    "networks": (*SAMPLES["networks"], Joined(PODMAN, is_default=True)),
    "memory": (
        MISSING,
        *range(-1, 12),
        *(Swap(size, with_memory=each) for size in (-1, 3, 9) for each in (False, True)),
    ),
    "pids": (MISSING, *range(-1, 12)),
    "user": ("", "0", "1000", "1000:1000", "web"),
}
"""Values that requests claim, by all words that can be compared."""

OBJECT_ITEMS = (*NAMES, "w*", "*", "**", "d?", "db-*", "x", ID, f"sha256:{ID}", OTHER)
IMAGE_ITEMS = (
    *("nginx", "nginx:*", "nginx:1*", "docker.io/library/*", "docker.io/**", "ci/*:1", "**"),
    *("registry.example/a/b", "registry.example/**", ID, f"sha256:{OTHER}"),
)
GLOBS = ("/", "/a", "/a/**", "/a*", "/*", "/**", "/a/b")
ITEMS: Mapping[str, tuple[str, ...]] = {
    "add_capabilities": ("NET_RAW", "cap_net_raw", "SYS_TIME", "ALL"),
    "binds": (*GLOBS, "/a:ro", "/a/**:ro", "/**:ro", "/*:ro"),
    "images": IMAGE_ITEMS,
    "networks": (*OBJECT_ITEMS, "default", "bridge", "b*", SWARM_ID, "4c*"),
    "path": GLOBS,
    "services": (*OBJECT_ITEMS, SWARM_ID, "4c*"),
    "signal": ("HUP", "sighup", "1", "9", "KILL", "RTMIN+3"),
    "subnets": NETWORKS,
    "tags": IMAGE_ITEMS,
}
"""Of lists, where they are no names of objects."""

CHOSEN: Mapping[str, st.SearchStrategy[Value]] = {
    **{name: st.just(each.choices[0]) for name, each in CHOICES.items()},
    "commands": st.lists(
        st.lists(st.sampled_from(("ls", "rm", "a", "*", "**", "?", "-l")), min_size=1, max_size=3).map(tuple),
        min_size=1,
        max_size=2,
    ).map(tuple),
    "cpus": st.sampled_from(("1", "2", "0.5")),
    "follow": st.booleans(),
    "labels": st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy")).map(
        lambda each: Pairs(tuple(each.items()))
    ),
    "memory": st.sampled_from(("1", "5B", "9")),
    "pids": st.sampled_from(("1", "5", "9")),
    "publish": st.fixed_dictionaries(
        {},
        optional={
            "ports": st.lists(st.sampled_from(("0", "80", "80-81", "81", "79-82", "8000-9000")), min_size=1).map(tuple),
            "addresses": st.lists(
                st.sampled_from(("::1", "0:0::1", "127.0.0.1", "0.0.0.0", "::")),  # noqa: S104
                min_size=1,
            ).map(tuple),
        },
    ).map(lambda each: Pairs(tuple(each.items()))),
    "user": st.sampled_from(("not-root", "any")),
}
"""Values of conditions that are no lists of items."""


@cache
def granted(word: str) -> st.SearchStrategy[Value]:
    """Generate what a policy file may say by a word."""
    if word in CHOSEN:
        return CHOSEN[word]
    items = [item for item in ITEMS.get(word, OBJECT_ITEMS) if not CONSTRAINTS[word].fault(item)]
    return st.lists(st.sampled_from(items), min_size=1, max_size=3, unique=True).map(tuple)


def test_every_word_that_lists_is_tried_and_every_one_that_is_compared() -> None:
    assert SAMPLES.keys() <= COMPARED.keys() <= CONSTRAINTS.keys()
    flags = {"force", "remove_volumes", "stdin", "stream"}  # As `follow`.
    assert CONSTRAINTS.keys() - COMPARED.keys() == {"running", "switched", "unrestricted"} | flags | OWN.keys()


@pytest.mark.parametrize("word", OWN)
def test_a_word_that_brings_its_samples_agrees_with_itself(word: str) -> None:
    constraint, samples, values = CONSTRAINTS[word], OWN[word].SAMPLES, OWN[word].VALUES
    for inner, outer in product(values, values):
        if inner == outer or constraint.within(inner, outer):
            assert constraint.within(inner, outer)
            assert all(admits(word, outer, each) or not admits(word, inner, each) for each in samples)
    for value in samples:
        least = constraint.least(value)
        if least is None:
            continue
        assert admits(word, least, value)
        read = constraint.read_back(least)
        assert all(all(admits(word, policy, each) for each in read) == admits(word, policy, value) for policy in values)


def are_same(word: str, one: Hashable, other: Hashable) -> bool:  # noqa: PLR0911 (one for each kind of value)
    """Whether what admits one claim has to admit another: they are about the same."""
    match (one, other):
        case (tuple(), tuple()) if word == "publish":
            return {*map(normalise_address, other)} <= {*map(normalise_address, one)}
        case (range(), range()):
            return {*other} <= {*one}
        case (range(), _) | (_, range()):
            return True  # Who is granted addresses may open any port there, and the other way round.
        case (Bind(), Bind()):
            return one.path == other.path and (other.read_only or not one.read_only)
    found, asked = (each.found if isinstance(each, Joined) else each for each in (one, other))
    found, asked = (
        ResolvedObject(str(each), (str(each),)) if isinstance(each, Reference) else each for each in (found, asked)
    )
    if isinstance(found, ResolvedObject) and isinstance(asked, ResolvedObject):
        return _shares(asked, found.names if found.every else found.names[:1] or (found.subject,))
    if word == "subnets":
        return admits(word, (str(one),), other)
    return one == other


def _shares(found: ResolvedObject, names: tuple[str, ...]) -> bool:
    of_found = {*(found.names or (found.subject,))}
    by_id = any(name.removeprefix("sha256:") == (found.subject or found.id).removeprefix("sha256:") for name in names)
    return by_id or (of_found <= {*names} if found.every else not of_found.isdisjoint(names))


@for_each("word", [word for word in COMPARED if not CONSTRAINTS[word].narrows])
@given(st.data())
def test_what_admits_all_that_silence_admits_does(word: str, data: st.DataObject) -> None:
    constraint, value = CONSTRAINTS[word], data.draw(granted(word))
    if word != "publish" and constraint.admits_unspoken(value):  # An address alone opens nothing.
        by_default = [each for each in COMPARED[word] if word != "networks" or isinstance(each, Joined)]
        assert all(admits(word, value, each) for each in by_default if constraint.by_default(each))


PAIRED = [(word, value) for word, values in SAMPLES.items() for value in values]


@for_each(("word", "value"), PAIRED)
def test_the_least_admits_a_value_and_none_that_is_not_the_same(word: str, value: Hashable) -> None:
    least = CONSTRAINTS[word].least(value)
    if least is None or not can_be_listed(CONSTRAINTS[word], least) or (word == "path" and not is_literal(least)):
        assert value in {(), "*"} or not isinstance(value, str)
        return
    assert admits(word, least, value)
    for other in SAMPLES[word]:
        assert admits(word, least, other) is are_same(word, value, other), other


@for_each("word", SAMPLES)
@given(st.data())
def test_what_is_read_back_is_admitted_exactly_where_the_value_was(word: str, data: st.DataObject) -> None:
    constraint = CONSTRAINTS[word]
    value, policy = data.draw(st.sampled_from(SAMPLES[word])), data.draw(granted(word))
    least = constraint.least(value)
    assume(least is not None and _says_all_of_it(value))
    assert least is not None
    read = constraint.read_back(least)
    assert all(admits(word, policy, each) for each in read) is admits(word, policy, value)
    if word != "networks" or isinstance(value, Joined):  # That of a path is no network that is joined.
        assert all(map(constraint.by_default, read)) is constraint.by_default(value)


def _says_all_of_it(value: Hashable) -> bool:
    """Whether the least says all of a value: a record keeps one name of an object, and not its id."""
    found = value.found if isinstance(value, Joined) else value
    if not isinstance(found, ResolvedObject) or found is DEFAULT:
        return True
    return found.names in {(), (found.id,)}


@for_each("word", COMPARED)
@given(st.data())
def test_what_is_within_another_admits_no_more(word: str, data: st.DataObject) -> None:
    constraint = CONSTRAINTS[word]
    inner, outer = data.draw(granted(word)), data.draw(granted(word))
    assert constraint.within(inner, inner)
    if constraint.within(inner, outer):
        for value in COMPARED[word]:
            assert admits(word, outer, value) or not admits(word, inner, value), value


@for_each("word", sorted(SAMPLES.keys() - {"publish", "networks"}))
@given(st.data())
def test_the_least_is_within_what_admits_the_value(word: str, data: st.DataObject) -> None:
    """Learned words are compared with written ones: what is known to be admitted must be known to be within."""
    constraint = CONSTRAINTS[word]
    value, policy = data.draw(st.sampled_from(SAMPLES[word])), data.draw(granted(word))
    least = constraint.least(value)
    assume(least is not None and _says_all_of_it(value) and not (isinstance(value, ResolvedObject) and not value.names))
    assert least is not None
    if admits(word, policy, value):
        assert constraint.within(least, policy)


# Globs

LETTERS = "ab/"
SHORT = ["".join(letters) for length in range(5) for letters in product(LETTERS, repeat=length)]
PATTERNS = st.lists(st.sampled_from(["a", "b", "/", "*", "**", "?"]), max_size=5).map("".join)


@given(PATTERNS, PATTERNS)
def test_a_glob_that_covers_another_matches_all_that_it_matches(wide: str, narrow: str) -> None:
    if covers(wide, narrow):
        assert all(fits(wide, name) for name in SHORT if fits(narrow, name))


@given(PATTERNS, PATTERNS)
def test_a_glob_that_does_not_cover_another_leaves_out_a_name(wide: str, narrow: str) -> None:
    """Names of at most as many letters as the two have signs tell them apart, and a letter that neither has.

    Not if the wide one has `?` and the narrow one `*`: `?*` covers `*a`, but not sign by sign.
    """
    if not ("?" in wide and "*" in narrow) and len(wide) + len(narrow) <= 5 and not covers(wide, narrow):
        names = ("".join(letters) for length in range(7) for letters in product("ab/x", repeat=length))
        assert any(fits(narrow, name) and not fits(wide, name) for name in names)


@given(PATTERNS)
def test_a_glob_covers_itself_and_what_is_literal_is_covered_by_what_it_fits(glob: str) -> None:
    assert covers(glob, glob)
    assert all(covers(glob, name) is fits(glob, name) for name in SHORT)
