"""No policy that loads lets clients replace what they may mount: nothing lies below a directory they may write to."""

import json
from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.nesting import find_roots
from dockerproxy.policy.places import Places
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.binds import Bind
from dockerproxy.problems import UserError
from dockerproxy.settings import SocketSettings

CONSTRAINT = CONSTRAINTS["binds"]

OPERATIONS = ["ContainerCreate", "ServiceCreate", "ServiceUpdate"]
EVERY_PATH = ["/".join(("/s", *parts)) for depth in range(6) for parts in product(("a", "b", "ab"), repeat=depth)]

SEGMENTS = st.sampled_from(["a", "b", "a", "b", "*", "?", "**", "a*", "*b", "a**"])
GLOBS = st.lists(SEGMENTS, max_size=3).map(lambda parts: "/".join(("/s", *parts)))
BINDS = st.tuples(GLOBS, st.sampled_from(["", "", ":ro", ":ro", ":rw"])).map("".join)
GRANTS = st.dictionaries(st.sampled_from(OPERATIONS), st.lists(BINDS, min_size=1, max_size=2)).map(
    lambda binds: list(binds.items())
)
PATHS = st.lists(st.sampled_from("ab"), max_size=2).map(lambda parts: "/".join(("/s", *parts)))
MAPPINGS = st.dictionaries(PATHS, PATHS, max_size=2)


def load(grants: list[tuple[str, list[str]]], **more: object) -> SocketSettings:
    lines: dict[str, list[str]] = {}  # A create has one.
    for name, binds in grants:
        lines[name] = [*lines.get(name, ()), *binds]
    allow = [{name: {"binds": binds}} for name, binds in lines.items()]
    text = json.dumps({"sockets": {"ci": {"path": "/proxied/ci.sock", "allow": allow, **more}}})
    return read_policy(text, "policy.yaml").sockets[0]


def find_problems(grants: list[tuple[str, list[str]]], **more: object) -> list[str]:
    try:
        load(grants, **more)
    except UserError as error:
        return [str(problem) for problem in error.problems]
    return []


class Admitted(NamedTuple):
    """A path of the host that may be mounted.

    Attributes:
        path: The path.
        writes: Whether it may be written to.
        begins: Up to where the engine follows links on the way to it; empty if it is denied all the same.
    """

    path: str
    writes: bool
    begins: str


def begin(places: Places, path: str, *, read_only: bool) -> str:
    """Return up to where the engine follows links on the way to a path that a container mounts."""
    return places.find_root(path, read_only=read_only) or path


def list_admitted(grants: list[tuple[str, list[str]]], places: Places) -> Iterator[Admitted]:
    """Yield what grants let be mounted, as enforcement decides it. A service has nothing below a root."""
    for name, binds in grants:
        matches = CONSTRAINT.matcher(tuple(binds))
        for path, read_only in product(EVERY_PATH, (True, False)):
            if not places.is_socket(path) and matches(Bind(path, read_only)):
                host = places.on_host(path)
                begins = begin(places, host, read_only=read_only)
                is_denied = name != "ContainerCreate" and begins != host
                yield Admitted(host, not read_only, "" if is_denied else begins)
    if places.own_socket:
        yield Admitted(places.own_socket, writes=False, begins=places.own_socket)


def find_movable(admitted: set[Admitted], given: Iterable[str]) -> set[tuple[str, str]]:
    """Return what may be mounted below a directory that a container may write to, or that the client has itself."""
    writable = [*(each.path for each in admitted if each.writes and each.begins), *given]
    return {
        (inner.path, outer)
        for inner in admitted
        for outer in writable
        if inner.begins != outer and inner.begins.startswith(outer.rstrip("/") + "/")
    }


@given(GRANTS, MAPPINGS, st.sampled_from(["", "/s/a/b", "/s/b/a/b"]))
@example([], {"/s/a/b": "/s"}, "/s/a/b")
@example([("ContainerCreate", ["/s/a/b/**"])], {}, "/s/a/b")
def test_no_admitted_path_can_be_moved_by_whoever_has_another(
    grants: list[tuple[str, list[str]]], paths: dict[str, str], own_socket: str
) -> None:
    """Enforcement is asked about each short path; no policy of binds alone is refused in vain."""
    more = ({"paths": paths} if paths else {}) | ({"own_socket": own_socket} if own_socket else {})
    places = find_roots([item for _, binds in grants for item in binds], Places(paths, own_socket))
    admitted = set(list_admitted(grants, places))
    event("below a root" if any(each.begins != each.path for each in admitted) else "no root")
    problems = find_problems(grants, **more)
    event("refused" if problems else f"loads, {len(grants)} grants")
    assert all(" below " in problem or " within " in problem for problem in problems)
    assert problems or not find_movable(admitted, paths.values())
    places_of = {(own_socket, True), *((each.path, each.writes) for each in admitted)}  # Below a socket is nothing.
    assert problems or all((each.begins, each.writes) in places_of for each in admitted if each.begins)
    assert find_movable({each._replace(begins=each.path) for each in admitted}, paths.values()) or not problems or more


@for_each("outer", ["/srv", "/srv/**", "/srv/**:ro"])
@for_each("inner", ["/srv/cache", "/srv/cache:ro", "/srv/a/b/c", "/srv/*:ro", "/srv/*/x", "/srv/a/**"])
def test_a_bind_of_a_container_below_a_directory_begins_there(outer: str, inner: str) -> None:
    """The engine follows no link below it."""
    places = load([("ContainerCreate", [outer, inner, "/other"])]).policy.policy.places
    assert "/srv" in (places.trees if outer.endswith(":ro") else places.roots)
    assert [begin(places, path, read_only=True) for path in ("/srv", "/srv/x/y", "/srvx")] == ["/srv", "/srv", "/srvx"]


def test_the_outermost_directory_is_the_root() -> None:
    """One that clients can replace by a link is none."""
    grants = [("ContainerCreate", ["/srv/a/b/**", "/srv/a", "/srv/a/b/c:ro", "/srv"]), ("ServiceCreate", ["/data/**"])]
    assert load(grants).policy.policy.places.roots == {"/srv", "/data"}
    [problem] = find_problems([("ContainerCreate", ["/srv/*", "/srv/a/b/**"])])
    assert '"/srv/a/b/**" matches paths below "/srv/*", where containers may write' in problem
    assert find_problems([("ContainerCreate", ["/", "/srv/**"])])


def test_no_link_leads_to_what_may_only_be_read() -> None:
    """In what is written, all of the root may be written to; in what is read, all of it may be read."""
    places = load([("ContainerCreate", ["/srv/**:ro", "/srv/a/**", "/srv/b", "/srv/b/c"])]).policy.policy.places
    for path, root in (("/srv/a/x", "/srv/a"), ("/srv/b/c", "/srv/b"), ("/srv/a", ""), ("/srv/x", "")):
        assert places.find_root(path, read_only=False) == root
        assert places.find_root(path, read_only=True) == (root or "/srv")
    assert find_problems([("ContainerCreate", ["/srv/**:ro", "/srv/**/c"])])


def test_only_what_has_something_below_is_a_root() -> None:
    """Where there is none, answers are not read."""
    for binds in (["/srv", "/srv2/x", "/data:ro", "/data/x:ro"], ["/srv/*"], ["/w:ro"]):
        assert not load([("ContainerCreate", binds)], paths={"/w": "/mine"}).policy.policy.places.roots


@for_each("inner", ["/srv/cache", "/srv/cache:ro", "/srv/a/b/c:ro", "/srv/*:ro", "/s**/x:ro"])
@for_each("names", [*product(OPERATIONS[:2], OPERATIONS[1:])])
def test_a_bind_of_a_service_below_a_writable_one_is_refused(inner: str, names: tuple[str, str]) -> None:
    [problem] = find_problems([(names[0], ["/srv"]), (names[1], ["/etc/localtime:ro", inner])])
    assert problem.startswith("policy.yaml:1:")
    path = inner.removesuffix(":ro")
    assert f'"{path}" {"matches paths" if "*" in path else "lies"} below "/srv", where containers may write' in problem
    assert problem.endswith('write "/srv:ro", use a volume, or move one of them')
    assert load([(names[0], ["/srv:ro"]), (names[1], ["/etc/localtime:ro", inner])])


def test_the_mistake_is_where_the_inner_bind_is() -> None:
    text = """
sockets:
  ci:
    path: /proxied/ci.sock
    allow:
      - ContainerCreate:
          binds:
            - "/srv/*/cache:ro"
            - /etc/localtime:ro
      - ServiceCreate: {images: [a], binds: [/srv/ci*]}
"""
    with pytest.raises(UserError) as caught:
        read_policy(text, "policy.yaml")
    assert [problem.where for problem in caught.value.problems] == ["policy.yaml:8:15"]


@for_each(
    ("binds", "loads"),
    [
        (["/srv/ci/**"], True),
        (["/srv/ci*/**"], False),
        (["/srv/**/x"], False),
        (["/srv/ci/***"], True),
        (["/srv/ci", "/srv/ci/a**"], True),
        (["/srv/ci**"], False),
        (["/*"], False),
        (["/srv/ci/**:ro"], True),
        (["/srv/ci/*"], True),
        (["/srv/*/cache", "/srv/b/*/x:ro"], False),
        (["/srv/*/cache", "/srv/*/x", "/srv/b:ro"], True),
        (["/srv/*", "/srv/*/cache:ro"], False),
        (["/srv/job-?", "/srv/job-12/x:ro"], True),
        (["/srv", "/srv"], True),
        (["/srv:ro", "/srv"], True),
        (["/srv", "/srv2/x", "/sr"], True),
        (["/srv/a", "/srv/b", "/srv:ro"], True),
        (["/srv:ro", "/srv/a", "/srv/a/b:ro"], True),
        (["/", "/srv:ro"], False),
        (["/*/*"], False),  # /var/run is a link to /run.
        (["/*/*/*:ro", "/srv"], False),
    ],
)
def test_a_pattern_is_all_that_it_matches(binds: list[str], *, loads: bool) -> None:
    if loads:
        assert load([("ContainerCreate", binds)])
    else:
        assert find_problems([("ContainerCreate", binds)])


def test_a_pattern_that_nests_with_itself_says_what_to_write() -> None:
    [problem] = find_problems([("ContainerCreate", ["/srv/ci**"])])
    assert '"/srv/ci**" is writable and matches paths within each other' in problem
    assert problem.endswith('list the directories, or write "/srv/ci**:ro"')


def test_paths_of_the_host_are_compared() -> None:
    paths = {"/cache": "/srv/ci/cache"}
    [problem] = find_problems([("ServiceCreate", ["/srv/ci", "/cache:ro"])], paths=paths)
    assert '"/cache" (on the host "/srv/ci/cache") lies below "/srv/ci", where containers' in problem
    assert load([("ContainerCreate", ["/area", "/area/x:ro"])], paths={"/area/x": "/srv/x"})
    places = load([("ContainerCreate", ["/srv/ci", "/cache:ro"])], paths=paths).policy.policy.places
    assert places.find_root(places.on_host("/cache"), read_only=True) == "/srv/ci"
    places = load([("ContainerCreate", ["/w/**"])], paths={"/w": "/srv/w", "/w/x": "/data"}).policy.policy.places
    found = [places.find_root(places.on_host(path), read_only=False) for path in ("/w/a", "/w/x", "/w/x/a")]
    assert found == ["/srv/w", "", "/data"]


@pytest.mark.parametrize("inner", ["/w/cache", "/w/cache:ro", "/w/*:ro", "/srv/ci/cache:ro"])
def test_a_bind_within_what_the_client_has_is_refused(inner: str) -> None:
    """The client needs no container to make a link in a directory that it calls by a name of its own."""
    assert find_problems([("ServiceCreate", [inner])], paths={"/w": "/srv/ci"})
    [problem] = find_problems([("ContainerCreate", [inner])], paths={"/w": "/srv/ci"})
    assert 'below "/w" (on the host "/srv/ci"), where the client itself may write' in problem
    assert 'mount "/w" itself, or give the inner path its own directory in paths' in problem
    assert load([("ContainerCreate", ["/w", "/w/x:ro"])], paths={"/w": "/srv/ci", "/w/x": "/srv/x"})
    assert find_problems([], paths={"/w": "/srv/ci"}, own_socket="/srv/ci/run/docker.sock")


def test_var_run_is_run() -> None:
    for outer in ("/var/run/ci", "/v*/run/ci", "/run/**"):
        places = load([("ContainerCreate", [outer, "/run/ci/a:ro"])]).policy.policy.places
        assert places.find_root("/run/ci/a", read_only=True) in {"/run/ci", "/run"}
    assert find_problems([("ContainerCreate", ["/run/ci", "/var/run/ci/a:ro"])])
    assert load([("ContainerCreate", ["/run/ci", "/var/run/ci:ro"])])
    assert find_problems([("ContainerCreate", ["/run/lock", "/var/lock/a:ro"])])


def test_a_socket_that_clients_can_replace_is_no_own_socket() -> None:
    """The engine mounts that path for every container that asks for its own socket."""
    for bind in ("/run/dockerproxy", "/run/dockerproxy/ci", "/run/docker*"):
        [problem] = find_problems([("ContainerCreate", [bind])], own_socket="/run/dockerproxy/ci/docker.sock")
        assert f'"/run/dockerproxy/ci/docker.sock" lies below "{bind}", where containers may write' in problem
    for bind in ("/run/dockerproxy:ro", "/var/run/docker.sock", "/run/dockerproxy/other"):
        assert load([("ContainerCreate", [bind])], own_socket="/run/dockerproxy/ci/docker.sock")


@pytest.mark.parametrize("data", ["/var/lib/docker", "/var/lib/containers/storage", "/home/*/.local/share/docker"])
def test_a_bind_among_the_engines_own_files_is_refused(data: str) -> None:
    """Containers write to volumes and their own files there, and one that replaces `_data` has a link mounted."""
    for bind in (
        "volumes/ci/_data/cache:ro",
        "volumes/ci",
        "overlay2/**:ro",
        "*/*/merged/link:ro",
        "containers/*/x:ro",
    ):
        [problem] = find_problems([("ContainerCreate", [f"{data}/{bind}"])])
        assert problem.endswith("mount a whole volume by its name")
    assert load([("ContainerCreate", [f"{data}:ro", f"{data}/containers:ro"])])


def test_a_bind_of_what_a_process_has_is_refused() -> None:
    for bind in ("/proc/1/root:ro", "/proc/*/root:ro", "/proc/self/cwd"):
        [problem] = find_problems([("ContainerCreate", [bind])])
        assert problem.endswith('mount "/proc:ro"')
    assert load([("ContainerCreate", ["/proc:ro", "/sys:ro"])])


def test_a_grant_without_bounds_needs_no_pair() -> None:
    """It is root on the host by itself, which `check` says."""
    text = "sockets: {a: {path: /a.sock, allow: [ContainerCreate: unrestricted, ServiceCreate: {binds: [/srv]}]}}"
    assert read_policy(text, "policy.yaml").sockets
