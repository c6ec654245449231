"""What is said to bear on a request does, and the line that is said to turn the decision turns it."""

import re

import pytest
from cli.files import sockets_of
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import PLAIN
from workbench.bearings import changes, tried_on, try_body

from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.bearing import list_bearing

POLICY = """\
sockets:
  backup:
    path: FOLDER/backup.sock
    allow:
      - preset:ping
      - containers:read: {containers: [web, "db-*"]}
      - ContainerRestart: {containers: ["db-*"]}
      - ContainerLogs: {follow: false}
      - ContainerKill: {signal: [HUP, TERM]}
      - PutContainerArchive: {path: [/data/**]}
      - NetworkDelete: {networks: [front]}
      - ImagePush: {images: [quay.io/me/*]}
      - ImageSearch: {registries: default}
    deny:
      - SystemPing
      - ContainerArchive
"""


def socket_of() -> SocketSettings:
    return sockets_of(POLICY)["backup"]


def bearing(method: str, target: str) -> list[str]:
    socket = socket_of()
    return [f"{label:<7}{text}" for label, text in list_bearing(socket.policy.policy, tried_on(socket, method, target))]


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/version", ["grant  preset:ping (policy.yaml:5)"]),
        ("GET", "/_ping", ["grant  preset:ping (policy.yaml:5)", "denial SystemPing (policy.yaml:15)"]),
        ("GET", "/images/json", ["grant  none covers it"]),
        ("GET", "/debug", []),
        ("GET", "/_dockerproxy/health", []),
        (
            "GET",
            "/containers/db-1/logs?follow=1",
            [
                "grant  containers:read (policy.yaml:6)",
                "       yes  the container is web or db-*",
                "grant  ContainerLogs (policy.yaml:8)",
                "       no   follow is false: it is true",
            ],
        ),
        (
            "GET",
            "/containers/web/logs?follow=f",
            [
                "grant  containers:read (policy.yaml:6)",
                "       yes  the container is web or db-*",
                "grant  ContainerLogs (policy.yaml:8)",
                "       no   follow is false: missing, or engines read it differently",
            ],
        ),
        (
            "GET",
            "/containers/x/archive?path=/etc",
            [
                "grant  containers:read (policy.yaml:6)",
                "       no   the container is web or db-*: it is x",
                "denial ContainerArchive (policy.yaml:16)",
            ],
        ),
        (
            "POST",
            "/containers/web/kill",
            ["grant  ContainerKill (policy.yaml:9)", "       no   signal is HUP or TERM: it is KILL"],
        ),
        (
            "PUT",
            "/containers/web/archive?path=/data/../etc",
            [
                "grant  PutContainerArchive (policy.yaml:10)",
                "       no   path is /data/**: missing, or engines read it differently",
            ],
        ),
        (
            "DELETE",
            "/networks/front?force=1",
            [
                "grant  NetworkDelete (policy.yaml:11)",
                "       no   the network is front: with this query an engine would act on others too",
            ],
        ),
        (
            "POST",
            "/images/quay.io/me/app/push",
            [
                "grant  ImagePush (policy.yaml:12)",
                "       no   the image is quay.io/me/*: unknown object",
                (
                    '       no   the image is "quay.io/me/app",'
                    " and without a tag every image of that name would be sent to a registry"
                ),
                "            the grant demands it by images",
            ],
        ),
        (
            "GET",
            "/images/search?term=quay.io/app",
            ["grant  ImageSearch (policy.yaml:13)", "       no   no registry host is named"],
        ),
    ],
)
def test_every_grant_and_denial_is_said_with_what_the_request_keeps_to(
    method: str, target: str, expected: list[str]
) -> None:
    assert bearing(method, target) == expected


BODIES = """\
sockets:
  ci:
    path: FOLDER/ci.sock
    allow:
      - ContainerCreate: {images: ["docker.io/library/*"], binds: [/srv/**], memory: 2GiB}
      - ContainerCreate: {networks: [front], buildx_builders: none}
      - ContainerExec: {containers: [web], commands: [[pg_dump, "**"]]}
      - ContainerExec: {containers: [db], unrestricted: true}
      - VolumeCreate
      - NetworkConnect: {networks: [front]}
      - PutContainerArchive: {containers: [web]}
      - swarm:write
      - ImageTag: {images: [nginx], tags: ["ci/*"]}
"""


def bears(method: str, target: str, body: object = None) -> list[str]:
    tried = try_body(BODIES, method, target, body)
    policy = sockets_of(BODIES)["ci"].policy.policy
    return [f"{label:<7}{text}" for label, text in list_bearing(policy, tried)]


def test_of_a_body_all_that_is_wrong_by_each_grant_is_said_with_what_would_allow_it() -> None:
    host = {"Binds": ["/etc:/x:ro"], "Privileged": True, "NetworkMode": "front"}
    assert bears("POST", "/containers/create?name=x", {"Image": "alpine", "HostConfig": host}) == [
        "grant  ContainerCreate (policy.yaml:5)",
        "       yes  the image is docker.io/library/*",
        "       no   binds are /srv/**",
        "       yes  memory is 2GiB",
        "       no   HostConfig.Privileged is true, and whoever is in it is root on the host",
        '       no   HostConfig.Binds[0] is "/etc", and no such directory of the host is granted',
        '       no   HostConfig.NetworkMode is "front", and that network is not granted',
        '            "ContainerCreate: unrestricted" would allow it, as everything',
        "grant  ContainerCreate (policy.yaml:6)",
        "       yes  the network is front",
        "       yes  name is not one of a privileged builder, buildx_buildkit_...",
        "       no   HostConfig.Privileged is true, and whoever is in it is root on the host",
        '       no   HostConfig.Binds[0] is "/etc", and no such directory of the host is granted',
        '            "ContainerCreate: unrestricted" would allow it, as everything',
    ]


def test_what_bears_on_bodies_is_open_as_long_as_there_is_none() -> None:
    assert bears("POST", "/containers/web/exec") == [
        "grant  ContainerExec (policy.yaml:7)",
        "       yes  the container is web",
        "       ?    commands are pg_dump **",
        "       ?    contained: depends on the body",
        "grant  ContainerExec (policy.yaml:8)",
        "       no   the container is db: it is web",
        "       yes  unrestricted: any body is allowed",
    ]


def test_what_nothing_can_bound_says_so() -> None:
    assert bears("POST", "/swarm/init") == [
        "grant  swarm:write (policy.yaml:12)",
        "       no   contained, and nothing can limit it: it can hand the host to another swarm",
    ]


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        (
            "GET",
            "/version",
            ["this line in deny of the socket backup in policy.yaml would deny it:", "- SystemVersion"],
        ),
        (
            "POST",
            "/containers/web/restart",
            [
                "this line in allow of the socket backup in policy.yaml would allow it:",
                "- ContainerRestart: {containers: [web]}",
            ],
        ),
        ("GET", "/_ping", []),
        (
            "GET",
            "/containers/x/archive?path=/etc",
            [
                "this line in allow of the socket backup in policy.yaml is needed too:",
                "- ContainerArchive: {containers: [x], path: [/etc]}",
            ],
        ),
        ("GET", "/debug", []),
        ("GET", "/_dockerproxy/health", []),
    ],
)
def test_what_would_turn_the_decision_is_a_line_to_paste(method: str, target: str, expected: list[str]) -> None:
    socket = socket_of()
    assert changes(socket, tried_on(socket, method, target)) == expected


@pytest.mark.parametrize(
    ("method", "target", "body", "expected"),
    [
        (
            "POST",
            "/containers/create?name=x",
            {"Image": "alpine", "HostConfig": {"Binds": ["/etc:/x:ro", "data:/d"]}},
            [
                "this line in allow of the socket ci in policy.yaml would allow it:",
                (
                    "- ContainerCreate: {buildx_builders: none, names: [x], binds: [/etc:ro], volumes: [data],"
                    ' networks: [default], images: [docker.io/library/alpine:latest], memory: "2GiB"}'
                ),
            ],
        ),
        (
            "POST",
            "/containers/create",
            {"Image": "alpine", "HostConfig": {"Privileged": True}},
            [
                "this line in allow of the socket ci in policy.yaml would allow it, as everything:",
                "- ContainerCreate: {buildx_builders: none, unrestricted: true}",
            ],
        ),
        ("POST", "/containers/create", None, []),
        (
            "POST",
            "/volumes/create",
            {"Name": "x", "Driver": "local", "DriverOpts": {"type": "none"}},
            [
                (
                    "this line in place of VolumeCreate (policy.yaml:9) in allow of the socket ci in policy.yaml"
                    " would allow it, as everything:"
                ),
                "- VolumeCreate: unrestricted",
            ],
        ),
        (
            "POST",
            "/networks/create",
            {"Name": "front", "IPAM": {"Config": [{"Subnet": "10.9.0.0/24"}]}},
            [
                "this line in allow of the socket ci in policy.yaml would allow it:",
                '- NetworkCreate: {subnets: ["10.9.0.0/24"], names: [front]}',
            ],
        ),
        (
            "POST",
            "/swarm/init",
            {},
            [
                "this line in allow of the socket ci in policy.yaml would allow it, as everything:",
                "- SwarmInit: unrestricted",
            ],
        ),
        (
            "PUT",
            "/containers/web/archive?path=/x",
            b"nonsense",
            [
                "this line in allow of the socket ci in policy.yaml would allow it, as everything:",
                "- PutContainerArchive: {containers: [web], path: [/x], unrestricted: true}",
            ],
        ),
        (
            "PUT",
            "/containers/db/archive?path=/x",
            None,
            [
                "this line in allow of the socket ci in policy.yaml would allow it:",
                "- PutContainerArchive: {containers: [db], path: [/x]}",
            ],
        ),
    ],
)
def test_the_line_for_a_body_says_all_that_it_needs(
    method: str, target: str, body: object, expected: list[str]
) -> None:
    tried = try_body(BODIES, method, target, body)
    said = changes(sockets_of(BODIES)["ci"], tried)
    assert said == expected
    if not said:
        return
    again = try_body(change(BODIES, said), method, target, body)
    assert again.decision.allowed


def test_without_a_body_the_line_is_contained_and_it_is_said_that_it_may_need_more() -> None:
    said = changes(sockets_of(BODIES)["ci"], try_body(BODIES, "POST", "/networks/create"))
    assert said == [
        (
            "this line in allow of the socket ci in policy.yaml would allow it as far as it is contained,"
            " and its body says what else it needs:"
        ),
        "- NetworkCreate",
    ]
    assert try_body(change(BODIES, said), "POST", "/networks/create", {"Name": "front"}).decision.allowed


def test_where_a_denial_would_leave_a_grant_nothing_the_grant_is_taken_out() -> None:
    socket = socket_of()
    where = "of the socket backup in policy.yaml"
    assert changes(socket, tried_on(socket, "GET", "/images/search?term=app")) == [
        f"removing ImageSearch (policy.yaml:13) from allow {where} would deny it"
    ]
    assert changes(socket, tried_on(socket, "GET", "/containers/web/logs?follow=1")) == [
        f"removing ContainerLogs (policy.yaml:8) from allow, and this line in deny {where} would deny it:",
        "- ContainerLogs",
    ]


def test_where_no_condition_can_be_kept_to_those_that_are_written_go() -> None:
    socket = socket_of()
    where = "of the socket backup in policy.yaml"
    assert changes(socket, tried_on(socket, "DELETE", "/networks/front?force=1")) == [
        f"removing the conditions of NetworkDelete (policy.yaml:11) in allow {where} would allow it"
    ]


QUERIES = ("", "?follow=1", "?path=/data", "?signal=9", "?force=1", "?fromImage=app&tag=3", "?term=quay.io/x", "?x=%FF")
WITHOUT_DENIALS = POLICY.partition("    deny:")[0]


def change(text: str, said: list[str]) -> str:
    """Do to a policy file what is said."""
    lines = text.splitlines()
    for number in map(int, re.findall(r"\(policy\.yaml:(\d+)\)", said[0])):
        word = lines[number - 1].partition(": {")[0]
        lines[number - 1] = word if "taking the conditions" in said[0] else ""
    if "this line in allow" in said[0] or "this line in place of" in said[0]:
        lines.insert(lines.index("    allow:") + 1, f"      {said[1]}")
    if "this line in deny" in said[0]:
        lines += [*([] if "    deny:" in lines else ["    deny:"]), f"      {said[1]}"]
    return "\n".join(lines)


@pytest.mark.parametrize("text", [POLICY, WITHOUT_DENIALS])
@given(st.sampled_from(sorted(PLAIN)), st.sampled_from(QUERIES))
def test_what_is_said_to_turn_the_decision_turns_it_and_the_file_has_no_mistake(
    text: str, name: str, query: str
) -> None:
    request = PLAIN[name]
    socket = sockets_of(text)["backup"]
    tried = tried_on(socket, request.method, request.target + query)
    said = changes(socket, tried)
    if name in {"SystemPing", "ContainerArchive"} and text is POLICY:
        assert "from deny" in tried.decision.message
        return
    again = tried_on(sockets_of(change(text, said))["backup"], request.method, request.target + query)
    assert again.decision.allowed is not tried.decision.allowed or again.wants_body, said
