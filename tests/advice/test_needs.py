"""The least words for a request let it pass, and nothing next to it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import conditions_of, inspect
from policy.ordinary import Named
from policy.policies import PRIVILEGED, request_of
from rows import for_each

from dockerproxy.advice.needs import (
    Item,
    can_be_listed,
    claims_of,
    find_needs,
    leave_out_restrictions,
    list_items,
)
from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import Known
from dockerproxy.policy.decide import judge_claims
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.values import Pairs, Takes, Value
from dockerproxy.policy.vocabulary import CONSTRAINTS, LONGEST, find_words, is_of_body
from dockerproxy.wire.document import Json

CREATE = OPERATIONS["ContainerCreate"]
NARROWING = {"images", "names", "containers", "commands"}
APP = "docker.io/library/app:latest"
LONG = "r.example/" + 255 * "a" + ":" + 128 * "b"
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 (what is granted, nothing is bound here)


class Engine(Named):
    """Knows every name, and says of containers what they are called."""

    def __getitem__(self, key: tuple[Kind, str]) -> ResolvedObject:
        found = super().__getitem__(key)
        if key[0] is not Kind.CONTAINER:
            return found
        config = {"NetworkMode": "none", "PidMode": "", "IpcMode": "private"}
        return replace(found, document={"name": key[1], "hostconfig": config})


def record(
    line: str, body: Json = None, found: ResolvedObject | None = None, granted: Mapping[str, Value] | None = None
) -> dict[str, Value]:
    """Return all that a record keeps of a request to an engine that knows every name."""
    request = request_of(*line.split(" "))
    known = Known(found=found, body=(body,), answers=Engine())
    read = read_request(BODIES[request.operation.name], request, known)
    answer = find_needs(read, tuple(conditions_of(granted or {}).values()))
    assert not isinstance(answer, Lookup)
    return dict(answer)


def needs(line: str, body: Json = None, found: ResolvedObject | None = None) -> dict[str, Value]:
    """Return the narrowest words that let a request pass, without those that restrict."""
    kept = record(line, body, found)
    return dict(leave_out_restrictions(request_of(*line.split(" ")).operation, kept))


def value_of(name: str, items: list[Item]) -> Value:
    """Put items of a word together to its value."""
    if CONSTRAINTS[name].takes is Takes.PORTS:
        pairs = [item for item in items if isinstance(item, tuple)]
        return Pairs(
            tuple((part, tuple(text for key, text in pairs if key == part)) for part in ("ports", "addresses"))
        )
    return tuple(items)  # type: ignore[return-value] # words, or lists of them


def covers(granted: Mapping[str, Value], needed: Mapping[str, Value]) -> bool:
    """Whether what a grant says lets a request pass, of which only the least words are known."""
    if "unrestricted" in needed:
        return False
    operation = OPERATIONS["ContainerExec"] if "commands" in needed else CREATE
    return not judge_claims(conditions_of(granted), claims_of(operation, needed)).faults


def create(host: dict[str, Json]) -> dict[str, Value]:
    """Return the words for a container of an image that has no name, besides the image and the network."""
    words = needs("POST /containers/create", {"Image": "app", "HostConfig": host})
    assert words.pop("names", ()) == ()
    assert words.pop("images", None) in ((APP,), None)
    assert words.pop("networks", None) in (("default",), None)
    return words


# What is needed


@for_each(
    ("host", "words"),
    [
        ({}, {}),
        ({"Memory": 1, "CapDrop": ["ALL"], "RestartPolicy": {"Name": "always"}}, {}),
        (
            {"Binds": ["/srv/a:/a:ro", "/srv/b/:/b", "data:/d"]},
            {"binds": ("/srv/a:ro", "/srv/b"), "volumes": ("data",)},
        ),
        ({"Binds": ["/srv/*:/a"]}, {"binds": ("/srv/*",)}),
        ({"Mounts": [{"Type": "bind", "Source": "/m", "Target": "/m"}]}, {"binds": ("/m",)}),
        (
            {"PortBindings": {"80/tcp": [{"HostPort": "80"}, {"HostIp": "::1"}]}},
            {"publish": Pairs((("ports", ("80", "0")), ("addresses", (*ANYWHERE, "::1"))))},
        ),
        ({"PublishAllPorts": True}, {"publish": Pairs((("ports", ("0",)), ("addresses", ANYWHERE)))}),
        ({"CapAdd": ["CAP_SYS_TIME", "net_raw"]}, {"add_capabilities": ("SYS_TIME", "NET_RAW")}),
        ({"PidMode": "container:web", "IpcMode": "container:web"}, {"joins": ("web",)}),
        ({"NetworkMode": "container:web"}, {"joins": ("web",)}),
    ],
)
def test_a_request_needs_these_words(host: dict[str, Json], words: dict[str, Value]) -> None:
    assert create(host) == words


@pytest.mark.parametrize(
    ("line", "body", "words"),
    [
        (
            "POST /containers/create?name=web",
            {"Image": "app:1"},
            {"names": ("web",), "images": ("docker.io/library/app:1",), "networks": ("default",)},
        ),
        (
            "POST /containers/create",
            {"Image": "app", "HostConfig": {"NetworkMode": "none"}},
            {"names": (), "images": (APP,)},
        ),
        (
            "POST /containers/create",
            {"Image": "app", "HostConfig": {"NetworkMode": "ci"}},
            {"names": (), "images": (APP,), "networks": ("ci",)},
        ),
        ("POST /containers/web/exec", {"Cmd": ["ls", "*"]}, {"commands": (("ls", "*"),)}),
        ("POST /auth", {"serveraddress": "docker.io"}, {}),
        ("POST /containers/web/start", None, {}),
    ],
)
def test_an_operation_needs_these_words(line: str, body: Json, words: dict[str, Value]) -> None:
    assert needs(line, body) == words


def test_where_an_operation_needs_the_condition_on_its_object_that_is_said() -> None:
    web = ResolvedObject("1", ("front",), document={"name": "front"})
    assert needs("POST /networks/1/connect", {"Container": "web"}, web) == {
        "networks": ("front",),
        "containers": ("web",),
    }


@for_each(
    ("line", "body"),
    [
        ("POST /containers/create", {"Image": ""}),
        ("POST /containers/create", {"Image": "app"}),
        ("POST /containers/create?name=" + "x" * 301, {"Image": "app"}),
        ("POST /containers/create", {"Image": LONG}),
        ("POST /containers/create", {"Image": LONG, "HostConfig": {"Binds": ["/a:/a"]}}),
        ("POST /networks/front/disconnect", {"Container": "web/db"}),
        ("POST /containers/web/exec", {"Cmd": []}),
        ("POST /containers/web/exec", {"Cmd": ["echo", "a\nb"]}),
        ("POST /containers/web/exec", {"Cmd": ["echo", "\U0001f600"]}),
        ("POST /containers/web/exec", {"Cmd": ["x"] * 301}),
    ],
)
def test_a_word_that_narrows_is_empty_where_no_list_has_what_is_there(line: str, body: Json) -> None:
    assert "unrestricted" not in (found := needs(line, body))
    assert () in {found[word] for word in NARROWING & found.keys()}


@for_each(
    ("host", "reason"),
    [
        ({"Privileged": True}, PRIVILEGED),
        (
            {"NetworkMode": "host"},
            'HostConfig.NetworkMode is "host", not allowed: it is the host\'s network',
        ),
        ({"Binds": [f"/{'x' * 301}:/a"]}, "HostConfig.Binds[0]: a host path"),
        (
            {"Binds": ["/\u00e9\u200b:/a"]},
            'HostConfig.Binds[0] is "/\\u00e9\\u200b", a host path',
        ),
        (
            {"Binds": [f"/{n}:/a" for n in range(101)]},
            'HostConfig.Binds[100] is "/100", a host path that no rule allows',
        ),
        (
            {"PortBindings": {"1/tcp": [{"HostIp": "x"}]}},
            'HostConfig.PortBindings["1/tcp"][0].HostIp is "x", not an IP address',
        ),
        ({"\U0001f600": True}, 'HostConfig."\\ud83d\\ude00" is true, not a known field'),
        ({"x" * 5000: True}, f'HostConfig."{"x" * 79}... is true, not a known field'),
    ],
)
def test_where_no_words_will_do_it_is_said_why(host: dict[str, Json], reason: str) -> None:
    ((word, said),) = create(host).items()
    assert word == "unrestricted"
    assert isinstance(said, str)
    assert said.startswith(reason)
    assert said.isascii()
    assert len(said) <= LONGEST


def test_a_word_that_is_left_out_stays_so() -> None:
    long = f"{'x' * 230}:{'y' * 60}"
    mounts: list[Json] = [{"Type": "image", "Source": name, "Target": "/i"} for name in (long, "app")]
    body: Json = {"Image": "app", "HostConfig": {"Mounts": mounts}}
    assert needs("POST /containers/create", body) == {"names": (), "images": (), "networks": ("default",)}


def test_what_only_the_engine_knows_is_asked() -> None:
    request = request_of("POST", "/containers/create")
    known = Known(body=({"Image": "app", "HostConfig": {"Binds": ["data:/d"]}},))
    lookup = find_needs(read_request(BODIES["ContainerCreate"], request, known))
    assert isinstance(lookup, Lookup)
    assert (lookup.kind, lookup.name) == (Kind.VOLUME, "data")
    disguise = ResolvedObject("data", ("data",), document={"driver": "local", "options": {"o": "bind"}})
    answered = Known(body=known.body, answers={(Kind.VOLUME, "data"): disguise})
    needed = find_needs(read_request(BODIES["ContainerCreate"], request, answered))
    assert not isinstance(needed, Lookup)
    assert "unrestricted" in needed


# They are enough, and no more than is needed

BINDS = st.sampled_from(
    ("/srv/a:/a", "/srv/a:/a:ro", "/srv/b*:/b", "data:/d", "/f", "../g:/g", "a:/b:rshared", "x y:/a")
)
NETWORKS = st.sampled_from(("", "default", "bridge", "none", "host", "ci", "container:web", "no/name", "0123456789ab"))
HOST_CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("Memory", "MemorySwap"), st.sampled_from((-1, 0, 1, 1 << 29, 1 << 30, 1 << 31))),
        "NanoCpus": st.sampled_from((-1, 0, 1, 10**9, 2 * 10**9)),
        "CpuQuota": st.sampled_from((0, 50_000, 200_000)),
        "PidsLimit": st.sampled_from((-1, 0, 50, 100, None)),
        "ReadonlyRootfs": st.booleans(),
        "SecurityOpt": st.lists(st.just("no-new-privileges"), max_size=1),
        "CapDrop": st.lists(st.sampled_from(("ALL", "net_raw")), max_size=1),
        "Binds": st.lists(BINDS, max_size=3),
        "NetworkMode": NETWORKS,
        "CapAdd": st.lists(st.sampled_from(("NET_RAW", "cap_sys_time", "all", "1")), max_size=2),
        "PidMode": st.sampled_from(("", "container:web", "host")),
        "PublishAllPorts": st.booleans(),
        "PortBindings": st.dictionaries(
            st.just("80/tcp"),
            st.lists(st.fixed_dictionaries({}, optional={"HostPort": st.sampled_from(("", "80", "8000-8009", "x"))})),
            max_size=1,
        ),
    },
)
CREATES = st.fixed_dictionaries(
    {
        "Image": st.sampled_from(
            ("app", "app:1", "", "no reference", "0123456789ab", "reg.example/a@sha256:" + "0" * 64)
        )
    },
    optional={
        "HostConfig": HOST_CONFIGS,
        "User": st.sampled_from(("", "0", "web", "1000", "1000:1000")),
        "Labels": st.dictionaries(st.sampled_from(("a", "b", "a=x")), st.sampled_from(("x", "y", "")), max_size=2),
    },
)
DEMANDS: Mapping[str, st.SearchStrategy[Value]] = {
    "memory": st.sampled_from(("512MiB", "1GiB")),
    "cpus": st.sampled_from(("0.5", "1")),
    "pids": st.sampled_from(("50", "99")),
    "user": st.sampled_from(("not-root", "any")),
    "read_only": st.just("required"),
    "no_new_privileges": st.just("required"),
    "drop_capabilities": st.sampled_from((("ALL",), ("NET_RAW",), ("cap_sys_time",))),
    "labels": st.sampled_from(("x", "y")).map(lambda text: Pairs((("a", text),))),
}
"""What a grant may say by words that restrict."""

NAMES = st.sampled_from(("", "?name=web", "?name=a%20b", "?name=0123456789abcdef"))
ITEMS = st.sampled_from(
    (
        *("app", "app:*", "docker.io/**", "/srv/a", "/srv/a:ro", "/srv/**", "/f", "data", "*", "ci", "bridge"),
        *("default", "web", "w*", "NET_RAW", "CAP_SYS_TIME", "80", "8000-9000", "0", *ANYWHERE),
    )
)
LISTED = st.lists(ITEMS, min_size=1, max_size=3).map(tuple)


@st.composite
def bounds(draw: st.DrawFn) -> dict[str, Value]:
    """Generate what a grant may say of a container, as a policy file can have it."""
    words = find_words(CREATE)
    found: dict[str, Value] = {}
    for name in draw(st.sets(st.sampled_from(sorted(name for name in words if is_of_body(CREATE, name))))):
        if name == "publish":
            parts = {part: draw(LISTED) for part in draw(st.sets(st.sampled_from(("ports", "addresses")), min_size=1))}
            listed = [(part, text) for part, texts in parts.items() for text in texts]
            listed = [(part, text) for part, text in listed if can_be_listed(words[name], Pairs(((part, (text,)),)))]
            found[name] = Pairs(tuple((part, tuple(t for p, t in listed if p == part)) for part in parts))
        elif name in DEMANDS:
            found[name] = draw(DEMANDS[name])
        elif name in {"names", "images", "binds", "volumes", "networks", "joins", "add_capabilities"}:
            found[name] = tuple(item for item in draw(LISTED) if can_be_listed(words[name], (item,)))
    return {name: value for name, value in found.items() if isinstance(value, Pairs) or value}


@given(NAMES, CREATES)
def test_the_words_let_the_request_pass_and_a_policy_file_can_have_them(query: str, body: Json) -> None:
    words = needs(f"POST /containers/create{query}", body)
    known = Known(body=(body,), answers=Engine())
    if "unrestricted" in words:
        assert inspect(BODIES["ContainerCreate"], {}, request_of("POST", f"/containers/create{query}"), known).faults
        return
    listed = {word: value for word, value in words.items() if value}
    assert not inspect(
        BODIES["ContainerCreate"], listed, request_of("POST", f"/containers/create{query}"), known
    ).faults
    for name, value in words.items():
        assert value == value_of(name, list(list_items(value)))
        assert can_be_listed(find_words(CREATE)[name], value)


@given(NAMES, CREATES)
def test_no_item_of_the_words_can_be_left_out(query: str, body: Json) -> None:
    words = needs(f"POST /containers/create{query}", body)
    known = Known(body=(body,), answers=Engine())
    for name, value in words.items():
        items = list_items(value)
        for item in items:
            if (
                (name, item) == ("networks", "default")
                or name == "unrestricted"
                or item[0] == "addresses"  # A port without an address is opened on the other one.
                or f"{item}".removesuffix(":ro") in items
            ):
                continue
            less = {**words, name: value_of(name, [one for one in items if one != item])}
            assert inspect(
                BODIES["ContainerCreate"], less, request_of("POST", f"/containers/create{query}"), known
            ).faults


@given(NAMES, CREATES, bounds())
def test_a_grant_that_covers_the_words_is_one_that_lets_the_request_pass(
    query: str, body: Json, granted: dict[str, Value]
) -> None:
    request = request_of("POST", f"/containers/create{query}")
    passes = not inspect(BODIES["ContainerCreate"], granted, request, Known(body=(body,), answers=Engine())).faults
    assert covers(granted, record(f"POST /containers/create{query}", body, granted=granted)) is passes


PORTS = Pairs((("ports", ("80", "8000-8009")), ("addresses", ("::1",))))


@for_each(
    ("word", "granted", "needed", "passes"),
    [
        ("images", ("app",), (APP,), True),
        ("images", ("app:1",), (APP,), False),
        ("images", None, (APP,), True),
        ("networks", None, ("default",), True),
        ("networks", None, ("ci",), False),
        ("networks", ("bridge", "c*"), ("default", "ci"), True),
        ("networks", ("none",), ("default",), False),
        ("binds", ("/srv/**:ro",), ("/srv/a:ro",), True),
        ("binds", ("/srv/**:ro", "/srv/b"), ("/srv/a",), False),
        ("binds", None, ("/srv/a",), False),
        ("volumes", ("ci_*",), ("ci_a", "ci_b"), True),
        ("add_capabilities", ("CAP_NET_RAW",), ("NET_RAW",), True),
        ("commands", None, (("ls", "/"),), True),
        ("commands", (("ls", "**"),), (("ls", "/"),), True),
        ("commands", (("cat", "*"), ("ls",)), (("ls", "/"),), False),
        ("publish", PORTS, Pairs((("ports", ("80", "8001")), ("addresses", ("0:0::1",)))), True),
        ("publish", PORTS, Pairs((("ports", ("81",)), ("addresses", ("::1",)))), False),
        ("publish", PORTS, Pairs((("ports", ("80",)), ("addresses", ("::",)))), False),
        ("publish", Pairs((("ports", ("80",)),)), Pairs((("ports", ("80",)), ("addresses", ("::",)))), True),
        ("publish", None, Pairs((("ports", ("80",)), ("addresses", ("::",)))), False),
    ],
)
def test_an_item_is_covered_as_the_checks_would_have_it(
    word: str, granted: Value | None, needed: Value, *, passes: bool
) -> None:
    bounds = {} if granted is None else {word: granted}
    assert covers(bounds, {word: needed}) is passes
