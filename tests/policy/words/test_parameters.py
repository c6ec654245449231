"""What a head claims is only what every engine certainly reads in it."""

from collections.abc import Hashable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import claimed, keeps
from policy.policies import request_for, request_of
from policy.words.looking import faults
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.references import Reference


def read(operation: str, word: str, query: str) -> Hashable:
    """Return what a query claims by a word."""
    return claimed(request_for(OPERATIONS[operation], f"?{query}"), word)


# Registries

STRICT, LENIENT = ("ImageSearch", "term"), ("GetPluginPrivileges", "remote")


def names_no_host(line: tuple[str, str], *references: str, name: str = "") -> bool:
    query = "&".join(f"{name or line[1]}={quote(reference, safe='')}" for reference in references)
    keeping = read(line[0], "registries", query)
    assert isinstance(keeping, bool)
    return keeping


@pytest.mark.parametrize("reference", ["", "alpine", "alpine:3", "alpine@sha256:0", "registry.example", "a.b:5000"])
def test_without_a_slash_nothing_is_a_host(reference: str) -> None:
    assert names_no_host(STRICT, reference)
    assert names_no_host(LENIENT, reference)


@pytest.mark.parametrize("reference", ["team/app", "team/app:1", "team_1/app", "a-b/c/d", "0/x"])
def test_a_plain_word_is_a_namespace_only_where_the_engine_takes_it_for_one(reference: str) -> None:
    assert not names_no_host(STRICT, reference)
    assert names_no_host(LENIENT, reference)


@for_each(
    "reference",
    [
        *("registry.example/a", "registry:5000/a", "localhost/a", "LocalHost/a", "127.0.0.1/a", "[::1]/a", "a.b/c/d"),
        *("/a", " /a", "a b/c", "é/a", "a%2eb/c", "//a", ".a/b", "https://registry/a", "team\n/a"),
        # splitDockerDomain of distribution/reference: a capital letter makes the first part a host.
        *("REGISTRY/a", "Registry/a", "regisTry/a"),
    ],
)
def test_what_may_be_a_host_before_a_slash_counts_as_one(reference: str) -> None:
    assert not names_no_host(STRICT, reference)
    assert not names_no_host(LENIENT, reference)


def go_takes_for_a_host(reference: str) -> bool:
    """Read as Go's distribution/reference (splitDockerDomain) and moby's splitReposSearchTerm do, together."""
    first, slash, _ = reference.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost" or first != first.lower())


@given(st.text("abAB.:/-_0é%[] ", max_size=12) | st.text(max_size=12))
def test_whatever_an_engine_takes_for_a_host_does_not_pass(reference: str) -> None:
    if go_takes_for_a_host(reference):
        assert not names_no_host(LENIENT, reference)
    if "/" in reference:
        assert not names_no_host(STRICT, reference)


@pytest.mark.parametrize("name", ["term", "TERM", "Term", "te%72m"])
def test_every_value_is_looked_at_however_the_name_is_spelled(name: str) -> None:
    assert not names_no_host(STRICT, "a", "registry.example/b", name=name)
    assert not names_no_host(STRICT, "registry.example/b", "a", name=name)
    assert names_no_host(STRICT, "a", "b", name=name)


@for_each(
    ("target", "holds"),
    [
        ("/containers/create", True),
        ("/containers/create?name=web", True),
        ("/containers/create?name=my_buildx_buildkit_", True),
        ("/containers/create?name=buildx_buildkit_default", False),
        ("/containers/create?name=buildx_buildkit_", False),
        ("/containers/create?name=/buildx_buildkit_default0", False),
        ("/containers/create?name=%2Fbuildx%5Fbuildkit_a", False),
        ("/v1.45/containers/create?name=web&name=buildx_buildkit_a", False),
        ("/containers/create?Name=buildx_buildkit_a", False),
        ("/containers/create?x=buildx_buildkit_a", True),
    ],
)
def test_a_builder_that_a_build_would_start_for_itself_is_known_by_its_name(target: str, *, holds: bool) -> None:
    assert claimed(request_of("POST", target), "buildx_builders") is holds


# Flags


@for_each(
    ("query", "value"),
    [
        *(("", False), ("follow=", False), ("follow=0", False), ("follow=false", False), ("follow=FALSE", False)),
        *(("follow=1", True), ("follow=true", True), ("follow=T", True), ("follow", False), ("x=1", False)),
        # What Docker and Podman read differently, or one of them refuses.
        *(("follow=f", None), ("follow=no", None), ("follow=on", None), ("follow=yes", None), ("follow=%201", None)),
        *(("follow=00", None), ("follow=tRuE", None), ("follow=none", None), ("follow=null", None)),
        # Docker takes the first of several, Podman the last, and other capitals too.
        *(("follow=0&follow=0", False), ("follow=0&follow=1", None), ("follow=1&follow=0", None)),
        *(
            ("FOLLOW=0", None),
            ("follow=0&Follow=1", None),
            ("follow=0&f%6Fllow=1", None),
            ("follow=1&f%6Fllow=1", True),
        ),
    ],
)
def test_a_flag_is_what_every_engine_takes_it_for_and_else_nothing(query: str, *, value: bool | None) -> None:
    assert read("ContainerLogs", "follow", query) is value


@pytest.mark.parametrize(
    ("query", "value"), [("", True), ("stream=0", False), ("stream=1", True), ("stream=", None), ("stream=f", None)]
)
def test_a_flag_that_engines_take_for_true_is_so_where_it_is_missing(query: str, *, value: bool | None) -> None:
    assert read("ContainerStats", "stream", query) is value


@pytest.mark.parametrize(
    ("query", "value"),
    [("stream=1&stdout=1", None), ("", None), ("stdin=0", False), ("stdin=1", True), ("stdin=", None)],
)
def test_whether_one_can_type_is_certain_only_if_it_is_said(query: str, *, value: bool | None) -> None:
    """Podman attaches the input of a container unless it is told not to, Docker only if it is told to."""
    assert read("ContainerAttach", "stdin", query) is value


@pytest.mark.parametrize(
    ("query", "value"),
    [("", False), ("v=1", None), ("volumes=1", None), ("v=1&volumes=1", True), ("v=0&volumes=0", False)],
)
def test_podman_s_two_names_of_a_parameter_are_both_looked_at(query: str, *, value: bool | None) -> None:
    assert read("ContainerDeleteLibpod", "remove_volumes", query) is value


# One of some words


@for_each(
    ("query", "signal"),
    [
        *(("", "KILL"), ("signal=", "KILL"), ("signal=1", "HUP"), ("signal=SIGHUP", "HUP"), ("x=HUP", "KILL")),
        *(
            ("signal=HUP&signal=KILL", None),
            ("SIGNAL=HUP", None),
            ("signal=HUP&Signal=KILL", None),
            ("signal=HUP&signal=HUP", None),
        ),
    ],
)
def test_a_word_is_the_one_that_every_engine_reads(query: str, signal: str | None) -> None:
    request = request_for(OPERATIONS["ContainerKill"], f"?{query}")
    assert claimed(request, "signal") == signal
    assert keeps(request, signal=("hup", "x")) is (signal == "HUP")
    assert keeps(request, signal=("9",)) is (signal == "KILL")


# Paths


@for_each(
    ("query", "holds"),
    [
        *(("path=/data", True), ("path=/data/", True), ("path=/data/x/y", True), ("path=%2Fdata%2Fx", True)),
        *(("path=/etc", False), ("path=/database", False), ("path=/data/../etc", False), ("path=data", False)),
        *(("", False), ("path=", False), ("path=/data&path=/data", False), ("path=/data&path=/etc", False)),
        *(("path=/data&Path=/etc", False), ("PATH=/data", False), ("path=/data%00/x", False)),
    ],
)
def test_a_path_is_one_of_some_only_if_there_is_one_and_it_is_clean(query: str, *, holds: bool) -> None:
    request = request_for(OPERATIONS["ContainerArchive"], f"?{query}")
    assert keeps(request, path=("/data/**",)) is holds


# Pulls

D = "sha256:" + "a" * 64


@for_each(
    ("query", "reference"),
    [
        ("fromImage=nginx&tag=latest", "docker.io/library/nginx:latest"),
        ("fromImage=nginx:1", "docker.io/library/nginx:1"),
        ("fromImage=docker.io/nginx:1&tag=", "docker.io/library/nginx:1"),
        ("fromImage=a.b:5/x/y&tag=1", "a.b:5/x/y:1"),
        (f"fromImage=nginx@{D}", f"docker.io/library/nginx@{D}"),
        (f"fromImage=nginx&tag={D}", f"docker.io/library/nginx@{D}"),
        (f"fromImage=nginx:1@{D}", f"docker.io/library/nginx@{D}"),
        ("fromImage=nginx&tag=1&platform=linux/arm64&fromSrc=&repo=", "docker.io/library/nginx:1"),
        # Two tags, none at all.
        *(("fromImage=nginx:", ""), ("fromImage=nginx:1&tag=2", "")),
        *((f"fromImage=nginx@{D}&tag=1", ""), ("fromImage=nginx&tag=1&tag=2", ""), ("fromImage=nginx&TAG=1", "")),
        *(("fromImage=nginx&tag=sha256:a", ""), ("fromImage=Nginx&tag=1", ""), ("fromImage=&tag=1", ""), ("", "")),
        *(("fromImage=nginx:1&fromImage=nginx:1", ""), ("FROMIMAGE=nginx:1", ""), ("fromImage=a:1&fromimage=b:1", "")),
        # An import beside it, or instead.
        *(("fromSrc=&repo=nginx&tag=1", ""), ("fromImage=nginx:1&fromSrc=-", ""), ("fromImage=nginx:1&FromSrc=-", "")),
        *(
            ("fromImage=nginx:1&repo=x", ""),
            (f"fromImage={'a' * 64}&tag=1", ""),
            ("fromImage=nginx&tag=1&allTags=1", ""),
        ),
    ],
)
def test_what_docker_pulls_is_certain_or_unknown(query: str, reference: str) -> None:
    check_pull("ImageCreate", query, reference)


def check_pull(operation: str, query: str, reference: str) -> None:
    request = request_for(OPERATIONS[operation], f"?{query}")
    pull = claimed(request, "images")
    assert pull is None or isinstance(pull, Reference)
    assert (str(pull) if pull is not None else "") == reference
    assert keeps(request, images=("**",)) is bool(reference)
    assert not keeps(request, images=("other",))


ALL_TAGS = [
    *(("ImageCreate", "fromImage=nginx"), ("ImageCreate", "fromImage=docker.io/nginx&tag=")),
]


@pytest.mark.parametrize(("operation", "query"), ALL_TAGS)
def test_all_tags_of_a_name_are_pulled_where_no_tag_is_said(operation: str, query: str) -> None:
    assert read(operation, "images", query) == Reference("docker.io/library/nginx")


@given(
    st.text("n/:@.aA1-", max_size=12),
    st.text("a1:.@", max_size=4),
)
def test_a_pull_that_is_certain_is_one_reference_and_stays_so(name: str, tag: str) -> None:
    found = read("ImageCreate", "images", f"fromImage={quote(name)}&tag={quote(tag)}")
    if found is not None:
        assert isinstance(found, Reference)
        assert read("ImageCreate", "images", f"fromImage={quote(str(found))}") == found


# Fixed rules of reads


@for_each(
    ("operation", "query", "passes"),
    [
        *(
            ("ContainerTop", query, True)
            for query in ("", "ps_args=", "ps_args=-ef", "ps_args=aux", "stream=1&delay=5")
        ),
        *(
            ("ContainerTop", query, False)
            for query in ("ps_args=e", "ps_args=auxe", "ps_args=-ef&ps_args=e", "Ps_args=e")
        ),
        *(("SecretInspect", query, True) for query in ("", "showsecret=false", "showsecret=0", "showsecret=")),
        *(
            ("SecretInspect", query, False)
            for query in ("showsecret=1", "showsecret=t", "ShowSecret=1", "showsecret=f")
        ),
        *(("ImageSearch", query, True) for query in ("term=alpine", "term=alpine&limit=5&filters={}")),
        *(("ImageSearch", query, False) for query in ("term=evil.example/a", "term=a/b", "term=a&term=evil.example/a")),
        *(("ImageSearch", query, False) for query in ("Term=evil.example/a", "term=localhost/a")),
        *(("GetPluginPrivileges", query, True) for query in ("remote=vieux/sshfs", "remote=sshfs")),
        *(("GetPluginPrivileges", query, False) for query in ("remote=evil.example/a", "name=evil.example/a")),
    ],
)
def test_a_read_reaches_no_further_than_what_is_read(operation: str, query: str, *, passes: bool) -> None:
    for name in (operation, f"{operation}Libpod") if operation in {"SecretInspect", "ImageSearch"} else (operation,):
        assert (faults(name, f"?{query}") == []) is passes
