"""What must not be root certainly is not."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import admits
from policy.policies import ID
from policy.words.looking import look
from rows import for_each
from wire.heads import head_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import RESERVED
from dockerproxy.policy.judge import judge, judge_body, judge_object
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.phases import NeedsBody, NeedsLookup, Verdict
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.user import name_client
from dockerproxy.problems import UserError
from dockerproxy.wire.document import Json, object_of

CONSTRAINT = CONSTRAINTS["user"]

RUNS: Json = {"Image": "x", "User": "1000:1000"}
NOT_ROOT = {"user": "not-root"}


@pytest.mark.parametrize(
    ("user", "passes"),
    [
        ("1000:1000", True),
        ("1000", False),
        ("1000:0", False),
        ("0:1000", False),
        ("web:web", False),
        ("", False),
        (None, False),
    ],
)
def test_a_user_is_certainly_not_root_or_not_admitted(user: str | None, *, passes: bool) -> None:
    assert admits("user", "not-root", user) is passes
    assert admits("user", "any", user)
    assert CONSTRAINT.least(user) == ("not-root" if passes else "any")


def test_who_must_not_be_root_is_within_any() -> None:
    assert CONSTRAINT.within("not-root", "any")
    assert CONSTRAINT.within("any", "any")
    assert not CONSTRAINT.within("any", "not-root")


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        (None, ["no-new-privileges"]),
        ([], ["no-new-privileges"]),
        (["apparmor=docker-default"], ["apparmor=docker-default", "no-new-privileges"]),
        (["no-new-privileges"], ["no-new-privileges"]),
        (["no-new-privileges:true"], ["no-new-privileges:true"]),
        (["no-new-privileges=true", "apparmor=docker-default"], ["no-new-privileges=true", "apparmor=docker-default"]),
    ],
)
def test_a_container_that_must_not_be_root_does_not_become_it(said: Json, sent: Json) -> None:
    body = {**object_of(RUNS), "HostConfig": {"SecurityOpt": said}}
    seen = look("ContainerCreate", "", body, bounds=NOT_ROOT)
    assert seen.faults == ()
    assert object_of(object_of(seen.content)["HostConfig"])["SecurityOpt"] == sent
    for bounds in ({}, {"user": "any"}):
        seen = look("ContainerCreate", "", body, bounds=bounds)
        assert seen.faults == ()
        assert object_of(object_of(seen.content)["HostConfig"]).get("SecurityOpt") == said


def test_a_create_without_anything_for_the_host_gets_it_as_well() -> None:
    seen = look("ContainerCreate", "", RUNS, bounds=NOT_ROOT)
    assert seen.content == {
        **object_of(RUNS),
        "Image": "docker.io/library/x",
        "HostConfig": {"SecurityOpt": ["no-new-privileges"]},
    }


@pytest.mark.parametrize("operation", ["ServiceCreate", "ServiceUpdate"])
@pytest.mark.parametrize("said", [None, False, True])
def test_a_service_that_must_not_be_root_does_not_become_it(operation: str, *, said: bool | None) -> None:
    container: Json = {**object_of(RUNS), "Privileges": {"NoNewPrivileges": said}}
    body: Json = {"Name": "x", "TaskTemplate": {"ContainerSpec": container}}
    version = "?version=1" if operation == "ServiceUpdate" else ""
    seen = look(operation, version, body, bounds={**NOT_ROOT, "networks": ("**",)})
    assert [each for each in seen.faults if each.path != "X-Registry-Auth"] == []
    spec = object_of(object_of(object_of(seen.content)["TaskTemplate"])["ContainerSpec"])
    assert object_of(spec["Privileges"])["NoNewPrivileges"] is True


def test_no_service_that_must_not_be_root_is_made_where_the_engine_leaves_that_out() -> None:
    body: Json = {"Name": "x", "TaskTemplate": {"ContainerSpec": RUNS}}
    networks = {"networks": ("**",)}
    for version, told in (("1.43", 1), ("1.44", 0)):
        target = f"/v{version}/services/create"
        found = look("ServiceCreate", "", body, bounds={**NOT_ROOT, **networks}, target=target).faults
        assert len(found) == told
        assert all(each.says == f"is ignored by the engine under v{version}" for each in found)
        assert look("ServiceCreate", "", body, bounds={"user": "any", **networks}, target=target).faults == ()


# The client


FILE = """
sockets:
  a:
    path: /a.sock
    KEYS
    allow:
      - own
      - ContainerCreate: {binds: ["/srv/p/**", "/srv/r/**:ro"], user: client, networks: ["*"]}
      - ServiceCreate: {binds: ["/srv/p/**"], user: client, networks: ["*"]}
"""
ROOTFUL: dict[str, object] = {"securityoptions": ["name=seccomp,profile=builtin"]}
RUNS_AS_CLIENT = {"User": "1000:100", "SecurityOpt": ["no-new-privileges"]}
FREE: dict[str, object] = {"User": None, "SecurityOpt": None}


def send(
    target: str, body: object, client: str = "1000:100", *, engine: dict[str, object] = ROOTFUL, keys: str = "{}"
) -> tuple[str, dict[str, Json]]:
    """Send a request with a body; return its denial, and the body that goes on."""
    policy = read_policy(FILE.replace("KEYS", keys if keys != "{}" else "sweep: never"), "f").sockets[0].policy
    content = json.dumps(body).encode() if not isinstance(body, bytes) else body
    line = f"POST {target} HTTP/1.1"
    fields = "content-type: application/json", f"content-length: {len(content)}"
    waiting = judge(policy, head_of(*fields, line=line))
    assert isinstance(waiting, NeedsBody)
    found = judge_body(waiting, content, "0" * 32, client)
    while isinstance(found, NeedsLookup):
        asked = found.lookup
        there = ResolvedObject("", (), document=engine) if asked.kind is Kind.ENGINE else CONTAINERS.get(asked.name)
        found = judge_object(found, there)
    assert isinstance(found, Verdict), found
    sent = json.loads(found.to_engine.partition(b"\r\n\r\n")[2] or b"{}")
    return "" if found.passes else found.decision.message, sent


def container(*mounts: dict[str, object]) -> ResolvedObject:
    document: dict[str, object] = {"id": ID, "name": "/web", "mounts": list(mounts)}
    return ResolvedObject(ID, ("web",), subject=ID, belongs_to="a", document=document)


CONTAINERS = {
    "bound": container({"Type": "volume", "RW": True, "Name": "v"}, {"Type": "bind", "RW": True, "Source": "/srv/p"}),
    "part": container({"Type": "volume", "RW": True, "Name": f"{RESERVED}_srv"}),
    "old": replace(container(), document={"id": ID}),
    "read": container({"Type": "bind", "RW": False, "Source": "/srv/p"}),
    "free": container({"Type": "volume", "RW": True, "Name": "v"}),
}


def created(host: dict[str, object], client: str = "1000:100", **more: Any) -> tuple[str, dict[str, Json]]:
    """Create a container; return the denial, and what it runs as."""
    said = more.pop("body", {})
    engine = more.pop("engine", ROOTFUL)
    denial, sent = send(CREATE, {"Image": "x", "HostConfig": host, **said}, client, engine=engine, **more)
    return denial, {"User": sent.get("User"), "SecurityOpt": object_of(sent.get("HostConfig")).get("SecurityOpt")}


CREATE = "/v1.45/containers/create"
WRITING: list[dict[str, object]] = [
    {"Binds": ["/srv/p:/w"]},
    {"Binds": ["/srv/p/a:/w:rw"]},
    {"Binds": ["/srv/p:/w:ro,z"]},
    {"Binds": ["/srv/r:/r:ro", "/srv/p:/w"]},
    {"Mounts": [{"Type": "bind", "Source": "/srv/p", "Target": "/w"}]},
    {"mountS": [{"type": "bind", "\u017fource": "/srv/p", "Target": "/w", "ReadOnly": False}]},
]
"""What mounts a directory of the host writable, in every spelling."""


@for_each("host", WRITING)
def test_a_container_that_writes_to_the_host_is_its_client(host: dict[str, object]) -> None:
    assert created(host) == ("", RUNS_AS_CLIENT)
    assert created(host, body={"User": None}) == ("", RUNS_AS_CLIENT)
    assert created(host, body={"u\u017fer": "1000:100"}) == ("", RUNS_AS_CLIENT)


@for_each(
    "user",
    [
        "0",
        "0:0",
        "root",
        "1000",
        "1000:0",
        "1000:1000",
        "01000:100",
        "1000:100:0",
        "+1000:100",
        "1000:100 ",
        "0x3e8:100",
    ],
)
def test_nobody_else_writes_to_the_host(user: str) -> None:
    denial, _ = created(WRITING[0], body={"User": user})
    assert "use --user 1000:100;" in denial
    assert "user: any" in denial
    assert send("/v1.45/containers/bound/exec", {"Cmd": ["a"], "User": user})[0].count("use --user 1000:100;") == 1


@for_each("host", [{}, {"Binds": ["/srv/r:/r:ro"]}, {"Binds": ["/srv/p:/w:ro"]}, {"Tmpfs": {"/t": ""}}])
def test_a_container_that_does_not_write_to_the_host_is_any_user(host: dict[str, object]) -> None:
    assert created(host) == ("", FREE)
    assert created(host, "") == ("", FREE)
    assert created(host, body={"User": "root"}) == ("", {**FREE, "User": "root"})


@for_each(("options", "is_other"), [(["name=rootless"], True), (["name=seccomp", "name=userns"], True), ([], False)])
def test_nothing_is_filled_in_where_root_is_another_user_outside(options: list[str], *, is_other: bool) -> None:
    assert created(WRITING[0], engine={"securityoptions": options}) == ("", FREE if is_other else RUNS_AS_CLIENT)
    denial, _ = created(WRITING[0], body={"User": "0"}, engine={"securityoptions": options})
    assert (denial == "") is is_other


@for_each("client", [(0, 1000), (1000, 0), (65534, 1000), (1000, 65534), (-1, -1), (2**32 - 1, 1000)])
def test_a_client_without_a_number_of_its_own_writes_nothing(client: tuple[int, int]) -> None:
    assert name_client(*client) == ""
    for user in ("", "1000:100", "0:0"):
        denial, _ = created(WRITING[0], name_client(*client), body={"User": user})
        assert "the client is root, in group 0 or without a number here" in denial
        assert "user: any" in denial


def test_containers_that_get_the_socket_are_the_one_who_owns_it() -> None:
    keys = "own_socket: /a.sock\n    owner: 7\n    group: 8"
    for client in ("1000:100", ""):
        assert created(WRITING[0], client, keys=keys)[1]["User"] == "7:8"
    for wrong in ("own_socket: /a.sock", f"{keys[:-1]}0", keys[:-13]):
        with pytest.raises(UserError, match="user: client needs owner and group"):
            created({}, keys=wrong)


@for_each("name", ["bound", "part", "old", "read", "free"])
def test_a_command_is_another_user_only_where_nothing_is_written_to_the_host(name: str) -> None:
    target = f"/v1.45/containers/{name}/exec"
    assert send(target, {"Cmd": ["a"]})[0] == ""
    assert send(target, {"Cmd": ["a"], "User": "1000:100"})[0] == ""
    assert (send(target, {"Cmd": ["a"], "User": "0"})[0] == "") is (name in {"read", "free"})


def test_a_service_that_writes_to_the_host_is_its_client() -> None:
    mount: Json = {"Type": "bind", "Source": "/srv/p", "Target": "/w"}
    for spec in ({"Mounts": [mount]}, {"User": "", "Mounts": [mount]}):
        body = {"Name": "s", "TaskTemplate": {"ContainerSpec": {"Image": "x", **spec}}}
        denial, sent = send("/v1.45/services/create", body)
        assert denial == ""
        made = object_of(object_of(sent["TaskTemplate"])["ContainerSpec"])
        assert (made["User"], made["Privileges"]) == ("1000:100", {"NoNewPrivileges": True})
        assert "is ignored by the engine" in send("/v1.43/services/create", body)[0]


@given(user=st.text(max_size=8) | st.sampled_from(["0", "root", "", "1000:100"]), host=st.sampled_from(WRITING))
def test_no_container_that_writes_to_the_host_is_root_or_anyone_by_name(user: str, host: dict[str, object]) -> None:
    denial, runs = created(host, body={"User": user})
    assert denial or runs == RUNS_AS_CLIENT
