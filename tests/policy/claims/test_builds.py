"""A contained build is a classic one of a Dockerfile that was looked at, on a network and under names as granted."""

from urllib.parse import quote

import pytest
from policy.claims.looking import OTHER, look
from policy.claims.sending import BUILD, passed_on, refusal_of
from policy.policies import request_of
from wire.tars import archive_of, find_corpus, hard_link, item, link, read_archive

from dockerproxy.policy.claims.builds import add_namespaces, find_dockerfiles, find_frontend
from dockerproxy.policy.values import Value

FROM = b"FROM busybox\n"


def faults_of(query: str, **bounds: Value) -> str:
    """Return what is wrong with the parameters of a build."""
    return " and ".join(map(str, look("ImageBuild", f"?{query}", bounds=bounds).faults))


def named(name: str) -> tuple[str, str]:
    return ("POST", f"/build?dockerfile={name}")


def test_what_clients_send_is_built_as_it_is() -> None:
    for path in find_corpus():
        if path.name == "docker-build.tar":
            assert passed_on(BUILD, path.read_bytes()).entries == read_archive([path.read_bytes()]).entries
        if path.name == "docker-build-compressed.tar.gz":
            assert len(passed_on(BUILD, path.read_bytes()).entries) == 9


def test_what_is_in_a_context_besides_may_be_anything_that_can_be_unpacked() -> None:
    content = archive_of(item("Dockerfile", FROM), link("bin/python", "/usr/bin/python3"), item("x", mode=0o4755))
    assert len(passed_on(BUILD, content).entries) == 3


@pytest.mark.parametrize("name", ["Dockerfile", "dockerfile", "Containerfile", "./Dockerfile"])
@pytest.mark.parametrize("request_", [BUILD, named(""), named("Dockerfile")], ids=str)
def test_a_dockerfile_under_any_default_name_is_looked_at(request_: tuple[str, str], name: str) -> None:
    assert "names a frontend" in refusal_of(request_, archive_of(item(name, b"# syntax=evil/x\n")))


def test_a_dockerfile_under_another_name_is_looked_at_in_its_place() -> None:
    evil = archive_of(item("sub/x", b"# syntax=evil/x\n"), item("Dockerfile", FROM))
    assert "evil/x" in refusal_of(named("sub/x"), evil)
    assert passed_on(named("Dockerfile.ci"), evil).entries
    assert find_dockerfiles(request_of(*named("sub%2Fx"))) == ("sub/x",)


@pytest.mark.parametrize(
    "items",
    [
        [item("sub/Dockerfile", FROM), item("sub/Dockerfile", FROM)],
        [item("x", FROM), link("sub/Dockerfile", "../x")],
        [item("sub/Dockerfile", FROM), link("sub", "other"), item("other/Dockerfile", FROM)],
        [link("sub", "other"), item("sub/Dockerfile", FROM)],
        [item("sub/Dockerfile", FROM), hard_link("x", "sub/Dockerfile")],
        [item("sub/Dockerfile", FROM + bytes(2**20))],
        [link(".dockerignore", "/etc/passwd")],
        [link("sub/Dockerfile.containerignore", "/etc/passwd")],
        [link("d", "/etc"), item("d/cron.d/x")],
    ],
)
def test_no_file_is_read_in_place_of_the_one_that_was_looked_at(items: list[object]) -> None:
    assert refusal_of(named("sub/Dockerfile"), archive_of(*items))  # type: ignore[arg-type] # they are items


@pytest.mark.parametrize(
    "content",
    [
        b"# syntax=evil/x",
        b"#syntax = evil/x\nFROM x",
        b"# escape=`\n# SYNTAX=evil/x\n",
        b"\xef\xbb\xbf# syntax=evil/x",
        b"#!/usr/bin/env x\n#syntax=evil/x",
        b"// syntax=evil/x",
        b"\n\n  # other\n# syntax=evil/x",
        b'{"syntax": "evil/x"}',
        b'\n {"x": "y"}',
        b"# syntax=docker/dockerfile-evil:1",
        b"# syntax=evil.example/docker/dockerfile:1",
        b"# syntax=docker/dockerfile:1@sha256:0",
        b"# syntax=\nFROM x",
        b"# syntax= \t\nFROM x",
        b"# syntax=docker/dockerfile:1\n# syntax=evil/x",
        b"#\n" * 400_000 + b"# syntax=evil/x",
    ],
)
def test_a_frontend_is_seen_however_it_is_named(content: bytes) -> None:
    assert find_frontend(content)


def test_of_a_frontend_a_message_shows_little_and_nothing_that_a_terminal_obeys() -> None:
    refusal = refusal_of(BUILD, archive_of(item("Dockerfile", b"# syntax=evil\x1b[31m\0" + b"x" * 5000)))
    assert r'a program that would read it: "evil\x1b[31m\x00xxx' in refusal
    assert refusal.isprintable()
    assert len(refusal) < 300


@pytest.mark.parametrize(
    "content",
    [
        b"",
        FROM,
        b"# syntax=docker/dockerfile:1\nFROM x",
        b"#syntax=docker.io/docker/dockerfile:1.7-labs\r\nFROM x",
        b"# syntax =  docker/dockerfile:1 \nFROM x",
        b"# syntax docker\nFROM x",
        b"FROM x\n# syntax=evil/x",
        b"#!/bin/x",
    ],
)
def test_other_dockerfiles_name_none(content: bytes) -> None:
    assert not find_frontend(content)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (b"RUN --network=host x", "has a step with RUN --network=host"),
        (b"ARG N=network\nRUN --${N}=host x", "has a step with RUN --${N}=host"),
        (b"COPY --from=dir:/etc x y", "has a step with COPY --from=dir:/etc"),
        (b"RUN --mount=type=cache,target=/x y", "other builds share a cache"),
    ],
)
def test_a_step_that_reaches_further_than_its_build_is_refused(step: bytes, says: str) -> None:
    assert says in refusal_of(BUILD, archive_of(item("Dockerfile", FROM + step)))


def with_arguments(value: str) -> tuple[str, str]:
    return ("POST", f"/build?buildargs={quote(value)}")


@pytest.mark.parametrize(
    "value", ['{"BASE": "dir:/etc"}', '{"BASE": 1}', "[]", "x", '{"BASE": "a/b", "BASE": "dir:/etc"}', "\udcff"]
)
def test_no_argument_names_an_image_of_the_host(value: str) -> None:
    content = archive_of(item("Dockerfile", b"ARG BASE=busybox\nFROM ${BASE}\n"))
    request = with_arguments(value.encode(errors="surrogateescape").decode(errors="replace"))
    assert "FROM ${BASE}" in refusal_of(request, content)


@pytest.mark.parametrize("value", ['{"BASE": "docker.io/library/node:20"}', '{"BASE": null}', "{}", ""])
def test_an_argument_may_name_another_image(value: str) -> None:
    content = archive_of(item("Dockerfile", b"ARG BASE=busybox\nFROM ${BASE}\n"))
    assert passed_on(with_arguments(value), content).entries


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("remote=https://x", "fetches the context"),
        ("remote=client-session", "fetches the context"),
        ("version=2", "BuildKit"),
        ("session=x", "session"),
        ("outputs=x", "BuildKit"),
        ("cgroupparent=/", "control group"),
        ("securityopt=x", "confinement"),
        ("isolation=chroot", "confinement"),
        ("volume=/:/h", "not a known parameter"),
        ("nsoptions=x", "not a known parameter"),
        ("networkMode=host", "not a known parameter"),
        ("networkmode=none&networkmode=host", "repeated"),
        ("dockerfile=../x", "not a valid Dockerfile path"),
        ("dockerfile=/x", "not a valid Dockerfile path"),
        ("dockerfile=https://x/y", "not a valid Dockerfile path"),
        ("dockerfile=%5B%22x%22%5D", "not a valid Dockerfile path"),
        ("dockerfile=x/./y", "not a valid Dockerfile path"),
        ("dockerfile=Dockerfile.in", "not a valid Dockerfile path"),
        ("t=x", '"docker.io/library/x:latest", an image name that no rule allows'),
        ("t=X", "not a valid image name"),
        ("t=ci/a&t=x", "docker.io/library/x:latest"),
        ("networkmode=host", "its own network"),
        ("networkmode=container:x", "its own network"),
        ("networkmode=ns:/proc/1/ns/net", "its own network"),
        ("networkmode=mine", '"mine", a network that no rule allows'),
    ],
)
def test_parameters_that_reach_further_are_refused(query: str, says: str) -> None:
    assert says in faults_of(query, tags=("ci/*",))


def test_the_names_that_were_judged_are_those_that_are_given() -> None:
    tags = {"tags": ("docker.io/ci/*", "ghcr.io/ci/*")}
    seen = look("ImageBuild", "?t=ci/a:1&t=&t=ghcr.io/ci/a&t=index.docker.io/ci/b", bounds=tags)
    assert (seen.faults, seen.query) == ((), {"t": ("docker.io/ci/a:1", "", "ghcr.io/ci/a", "docker.io/ci/b")})
    assert look("ImageBuild", "?t=docker.io/ci/a:1", bounds=tags).query == {}


@pytest.mark.parametrize(
    ("networks", "mode", "says"),
    [
        (("none",), "", '"default", a network that no rule allows'),
        (("none",), "networkmode=default", "that no rule allows"),
        (("none",), "networkmode=none", ""),
        (("none",), "networkmode=bridge", "that no rule allows"),
        (("bridge",), "", ""),
        (("default",), "networkmode=bridge", ""),
        (("ci_*",), "networkmode=ci_default", ""),
        (("ci_*",), f"networkmode={OTHER[:12]}", "a network that no rule allows"),
        (("0*",), f"networkmode={OTHER[:12]}", "a network that no rule allows"),
        (("db",), f"networkmode={OTHER[:12]}", ""),
        (("k*",), "networkmode=k3wxf0rzq1v7m2t5c8h4j6n9p", "looks like the ID of a swarm network"),
        (("host",), "networkmode=host", "its own network"),
    ],
)
def test_a_build_is_on_a_network_that_is_granted(networks: tuple[str, ...], mode: str, says: str) -> None:
    found = faults_of(mode, networks=networks)
    assert says in found if says else not found


def test_a_network_that_is_named_by_the_beginning_of_its_id_goes_on_under_the_whole() -> None:
    inspected = look("ImageBuild", f"?networkmode={OTHER[:12]}", bounds={"networks": ("db",)})
    assert (inspected.faults, inspected.query) == ((), {"networkmode": (OTHER,)})


def test_what_clients_ask_for_is_granted() -> None:
    query = (
        "buildargs=%7B%7D&cachefrom=%5B%5D&cgroupparent=&cpuperiod=0&cpuquota=0&cpusetcpus=&cpusetmems=&cpushares=0"
        "&dockerfile=Dockerfile&labels=%7B%7D&memory=0&memswap=0&networkmode=default&rm=1&shmsize=0&t=ci/a&t=&target="
        "&ulimits=%5B%5D&version=1"
    )
    assert not faults_of(query, tags=("ci/*",))


@pytest.mark.parametrize(
    ("target", "added"),
    [
        ("/build", "?nsoptions=%5B%7B%22Name%22%3A%22network%22%2C%22Host%22%3Afalse%2C%22Path%22%3A%22%22%7D%5D"),
        ("/build?networkmode=default", "&nsoptions="),
        ("/build?networkmode=none", "%7D%5D&networkmode=1"),
    ],
)
def test_podman_is_told_in_its_own_way_what_docker_is(target: str, added: str) -> None:
    whole = add_namespaces(request_of("POST", target))
    assert whole.startswith(target)
    assert added in whole
    assert whole.endswith("networkmode=1") is target.endswith("none")


def test_no_file_of_the_place_gets_a_second_name() -> None:
    assert "no file of this archive" in refusal_of(BUILD, archive_of(hard_link("x", "etc/shadow")))
    assert passed_on(BUILD, archive_of(item("a", b"1"), hard_link("b", "a"))).entries
