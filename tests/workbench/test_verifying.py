"""What a policy has that an engine has not is found, and nothing is said of what the engine has."""

import json
from collections.abc import Mapping

import pytest

from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import OWNER
from dockerproxy.version import DOCKER_API
from dockerproxy.workbench.findings import Finding, Severity
from dockerproxy.workbench.verifying import Engine, compare, find_old, read_engine, read_number

DOCKER = {"Version": "26.1.5", "ApiVersion": "1.45", "Components": [{"Name": "Engine"}]}
PODMAN = {"Version": "5.4.2", "ApiVersion": "1.41", "Components": [{"Name": "Podman Engine"}]}
INFO = {"SecurityOptions": ["name=seccomp,profile=builtin"], "DockerRootDir": "/data"}
SWARM = {**INFO, "Swarm": {"ControlAvailable": True}}

Answers = Mapping[str, object]


class Engines:
    """An engine that answers from a table, and notes what it is asked."""

    def __init__(self, version: object = DOCKER, info: object = INFO, **others: object) -> None:
        self.answers: dict[str, object] = {"/version": version, "/info": info, **others}
        self.asked: list[str] = []

    def ask(self, target: str) -> tuple[int, bytes]:
        self.asked.append(target)
        found = self.answers.get(target)
        return (404, b'{"message": "no such thing"}') if found is None else (200, json.dumps(found).encode())

    def verify(self, *allow: object) -> list[Finding]:
        text = json.dumps({"sockets": {"a": {"path": "/run/a.sock", "allow": list(allow)}}}, indent=0)
        sockets = read_policy(text, "p.yaml").sockets
        return list(dict.fromkeys(compare(sockets, read_engine(self.ask), self.ask, "dir/p.yaml")))


def texts(findings: list[Finding]) -> list[str]:
    return [finding.says for finding in findings]


def test_an_engine_says_what_it_is() -> None:
    assert str(read_engine(Engines().ask)) == "Docker 26.1.5, API 1.45, as root, without user namespaces"
    info = {"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}
    assert str(read_engine(Engines(PODMAN, info).ask)) == "Podman 5.4.2, API 1.41, rootless, with user namespaces"
    info = {"SecurityOptions": ["name=userns"]}
    assert str(read_engine(Engines(info=info).ask)).endswith("as root, with user namespaces")


@pytest.mark.parametrize("answer", [None, [], 7, {"Components": 3, "SecurityOptions": {}, "Swarm": 1}, {"Version": []}])
def test_an_answer_that_makes_no_sense_is_no_crash(answer: object) -> None:
    engine = Engines(answer, answer)
    assert read_engine(engine.ask).api == ()
    assert len(engine.verify({"ContainerStop": {"containers": ["web"]}})) == 2
    assert read_engine(lambda _: (200, b"[" * 99_999)).security is None


@pytest.mark.parametrize(
    ("text", "number"), [("1.45", (1, 45)), ("5.4.2-dev", (5, 4)), ("v1.2", ()), ("", ()), (None, ()), ("1", ())]
)
def test_a_version_has_two_numbers(text: object, number: tuple[int, ...]) -> None:
    assert read_number(text) == number


def test_a_name_that_no_object_has_is_found_with_its_line() -> None:
    web = {"Id": "4f5e", "Name": "/web", "Config": {"Labels": {}}}
    engine = Engines(**{"/containers/web/json": web, "/networks/ci": {"Id": "1", "Name": "ci"}})
    found = engine.verify(
        "containers:read",
        {"ContainerStop": {"containers": ["web", "db", "cache-*"]}},
        {"ContainerCreate": {"networks": ["ci", "none"], "volumes": ["data"], "images": ["nginx"]}},
    )
    assert {(each.says, each.level) for each in found} == {
        ('there is no container "db"', Severity.WARNING),
        ('there is no volume "data"', Severity.WARNING),
        ('there is no image "nginx"', Severity.NOTE),
    }
    assert all(each.where.startswith("dir/p.yaml:") and each.name == "socket a" for each in found)
    assert "/containers/cache-*/json" not in engine.asked
    assert len(engine.asked) == len(set(engine.asked))


def test_the_beginning_of_an_id_is_no_name() -> None:
    web = {"Id": "db" + "0" * 62, "Name": "/web", "Config": {"Labels": {}}}
    engine = Engines(**{"/containers/db/json": web})
    assert texts(engine.verify({"ContainerStop": {"containers": ["db"]}})) == ['there is no container "db"']


def test_an_engine_that_cannot_say_is_believed() -> None:
    engine = Engines()
    engine.ask = lambda target: (503, b"") if target.startswith("/containers") else Engines().ask(target)  # type: ignore[method-assign]  # one that is starting
    assert engine.verify({"ContainerStop": {"containers": ["db"]}}) == []


def test_an_engine_that_is_newer_than_the_tables_is_found() -> None:
    major, minor = read_number(DOCKER_API)
    (found,) = Engines({**DOCKER, "ApiVersion": f"{major}.{minor + 1}"}).verify("preset:ping")
    assert (found.level, found.name) == (Severity.WARNING, "engine")
    assert f"API {major}.{minor + 1} is newer than {major}.{minor}" in found.says
    (found,) = Engines({**PODMAN, "Version": "77.1.0"}).verify("preset:ping")
    assert "Podman 77.1 is newer than" in found.says
    assert Engines({**DOCKER, "ApiVersion": f"{major}.{minor}"}).verify("preset:ping") == []


def test_a_podman_that_is_root_and_makes_containers_is_found() -> None:
    """It opens files of a container from outside when that starts, and follows links that others make there."""
    create = {"ContainerCreate": {"memory": "1GiB"}}
    (found,) = Engines(PODMAN).verify(create)
    assert (found.level, found.name) == (Severity.NOTE, "engine")
    assert "no proxy confines a hostile container" in found.says
    assert Engines(PODMAN).verify("preset:ping") == []
    assert Engines(PODMAN, {"SecurityOptions": ["name=seccomp", "name=rootless"]}).verify(create) == []


def test_a_condition_that_the_engine_drops_is_found() -> None:
    old = {**DOCKER, "ApiVersion": "1.24"}
    create = {"ContainerCreate": {"cpus": "2", "memory": "1GiB"}}
    (found,) = Engines(old).verify(create)
    assert found.says == "cpus of ContainerCreate is ignored: it needs 1.25, this is 1.24"
    assert Engines().verify(create) == []
    podman = {**PODMAN, "ApiVersion": "1.24"}
    assert not [each for each in Engines(podman).verify(create) if "ignored" in each.says]  # It has no such version.


@pytest.mark.parametrize("binds", [["/srv/**"], ["/srv", "/srv/x"]])
def test_an_engine_that_mounts_nothing_below_a_directory_is_found(binds: list[str]) -> None:
    grant = {"ContainerCreate": {"binds": binds}}
    for version in (PODMAN, {**PODMAN, "ApiVersion": "1.45"}, {**DOCKER, "ApiVersion": "1.44"}):
        [found] = [each for each in Engines(version).verify(grant) if "Docker 26" in each.says]
        assert found.hint == "list only the directory in binds"
        whole = Engines(version).verify({"ContainerCreate": {"binds": ["/srv"]}})
        assert not any("Docker 26" in each for each in texts(whole))
    assert texts(Engines().verify(grant)) == []


def test_operations_of_the_other_engine_have_no_effect_unless_a_preset_has_them() -> None:
    found = Engines().verify("libpod/pods:read", "services:read", "preset:podman-exporter")
    assert [(each.says, each.level) for each in found] == [
        ("services has no effect: this engine manages no swarm", Severity.NOTE),
        ("libpod/pods has no effect: this engine is Docker", Severity.NOTE),
    ]
    assert Engines(info=SWARM).verify("services:read") == []
    assert texts(Engines(PODMAN).verify("libpod/pods:read", "services:read", "secrets:read")) == [
        "services has no effect: this engine is Podman"
    ]


def test_containers_without_a_seccomp_filter_are_found() -> None:
    (found,) = Engines(info={"SecurityOptions": ["name=apparmor"]}).verify("preset:ping")
    assert found.says == "its containers have no seccomp filter"


def test_the_engine_of_a_policy_is_only_a_value() -> None:
    assert str(Engine(name="x")) == "x, API unknown, unknown confinement"


def test_containers_of_an_owner_that_make_devices_or_are_root_on_the_host_are_found() -> None:
    grant = {"ContainerCreate": {"binds": ["/srv"], "user": "client"}}
    text = json.dumps({"sockets": {"a": {"path": "/run/a.sock", "allow": ["own", grant]}}})
    sockets, there = read_policy(text, "p.yaml").sockets, dict[str, object]()
    bind = {"Type": "bind", "RW": True, "Source": "/srv", "Destination": "/w"}
    containers = [
        ("old", {"CapDrop": None}, "", [bind]),
        ("made", {"CapDrop": ["cap_mknod"]}, "1000:1000", [bind]),
        ("added", {"CapAdd": ["MKNOD"]}, "root", [{**bind, "RW": False}]),
        ("root", {"CapDrop": ["ALL"]}, "1000", [bind]),
    ]
    for number, (name, host, user, mounts) in enumerate(containers):
        known = {"Name": f"/{name}", "HostConfig": host, "Config": {"User": user}, "Mounts": mounts}
        there[f"/containers/{number:064x}/json"] = known
    labels = {OWNER: "a"}
    listed: list[object] = [{"Id": f"{number:064x}", "Labels": labels} for number in range(len(containers))]
    listed += [{"Id": "../x", "Labels": labels}, {"Id": f"{0:064x}", "Labels": {OWNER: "b"}}, 7]

    def found(**engine: object) -> list[str]:
        asked = Engines(**engine, **there)
        old = list(find_old(listed, sockets, read_engine(asked.ask), asked.ask, "p.yaml"))
        assert "/containers/../x/json" not in asked.asked
        return [" ".join(each.says.split(" ")[1:5]) for each in old]

    roots = ["old may be root,", "root may be root,"]
    assert found() == ["old can make devices,", *roots]
    assert found(version=PODMAN) == roots
    assert found(info={"SecurityOptions": ["name=userns"]}) == ["old can make devices,"]
    assert list(find_old(None, sockets, read_engine(Engines().ask), Engines().ask, "p.yaml")) == []
