"""What is said to bear on a request does, and the line that is said to turn the decision turns it."""

import pytest
from cli.files import sockets_of
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import PLAIN, PRIVILEGED
from rows import for_each
from workbench.bearings import change, changes, tried_on, try_body

from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.bearing import find_change, list_bearing
from dockerproxy.workbench.trying import Tried, try_request

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
      - PutContainerArchive: {containers: [web]}
      - NetworkDelete: {networks: [front]}
      - ImagePush: {images: [quay.io/me/*]}
      - ImageSearch
      - ImageGetAll: {images: [quay.io/me/*]}
    deny:
      - SystemPing
      - ContainerArchive
"""


def socket_of() -> SocketSettings:
    return sockets_of(POLICY)["backup"]


def bearing(method: str, target: str) -> list[str]:
    socket = socket_of()
    return [f"{label:<7}{text}" for label, text in list_bearing(socket.policy.policy, tried_on(socket, method, target))]


@for_each(
    ("line", "expected"),
    [
        ("GET /version", ["grant  preset:ping (policy.yaml:5)"]),
        ("GET /_ping", ["grant  preset:ping (policy.yaml:5)", "denial SystemPing (policy.yaml:16)"]),
        ("GET /images/json", ["grant  none"]),
        ("GET /debug", []),
        ("GET /_dockerproxy/health", []),
        (
            "GET /containers/db-1/logs?follow=1",
            [
                "grant  containers:read (policy.yaml:6)",
                "       yes  the container is web or db-*",
                "grant  ContainerLogs (policy.yaml:8)",
                "       no   follow is false: it is true",
            ],
        ),
        (
            "GET /containers/web/logs?follow=f",
            [
                "grant  containers:read (policy.yaml:6)",
                "       yes  the container is web or db-*",
                "grant  ContainerLogs (policy.yaml:8)",
                "       no   follow is false: missing or ambiguous in the request",
            ],
        ),
        (
            "GET /containers/x/archive?path=/etc",
            [
                "grant  containers:read (policy.yaml:6)",
                "       no   the container is web or db-*: it is x",
                "denial ContainerArchive (policy.yaml:17)",
            ],
        ),
        (
            "POST /containers/web/kill",
            ["grant  ContainerKill (policy.yaml:9)", "       no   signal is HUP or TERM: it is KILL"],
        ),
        (
            "PUT /containers/x/archive?path=/data/../etc",
            ["grant  PutContainerArchive (policy.yaml:10)", "       no   the container is web: it is x"],
        ),
        (
            "DELETE /networks/front?force=1",
            [
                "grant  NetworkDelete (policy.yaml:11)",
                "       no   the network is front: with this query an engine would act on others too",
            ],
        ),
        (
            "POST /images/quay.io/me/app/push",
            [
                "grant  ImagePush (policy.yaml:12)",
                "       no   the image is quay.io/me/*: unknown object",
                (
                    '       no   the image is "quay.io/me/app",'
                    " not allowed: without a tag, every image of that name would be pushed"
                ),
                '            only a grant without condition "images" allows it',
            ],
        ),
        (
            "GET /images/get?names=quay.io/me/app&names=db",
            [
                "grant  ImageGetAll (policy.yaml:14)",
                "       no   the image is quay.io/me/*: it is quay.io/me/app:latest and docker.io/library/db:latest",
            ],
        ),
        (
            "GET /images/search?term=quay.io/app",
            [
                "grant  ImageSearch (policy.yaml:13)",
                '       no   ?term is "quay.io/app", not allowed: it may name a registry to connect to',
                (
                    "            to allow it and everything else, remove its line and add"
                    ' "ImageSearch: unrestricted" to "allow" of socket "backup"'
                ),
            ],
        ),
    ],
)
def test_every_grant_and_denial_is_said_with_what_the_request_keeps_to(line: str, expected: list[str]) -> None:
    assert bearing(*line.split(" ")) == expected


BODIES = """\
sockets:
  ci:
    path: FOLDER/ci.sock
    allow:
      - ContainerCreate: {images: ["docker.io/library/*"], binds: [/srv/*], memory: 2GiB}
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
        "       no   binds are /srv/*",
        "       yes  memory is 2GiB",
        f"       no   {PRIVILEGED}",
        '       no   HostConfig.Binds[0] is "/etc", a host path that no rule allows',
        '       no   HostConfig.NetworkMode is "front", a network that no rule allows',
        (
            "            to allow it, leave that out; or, to let clients become root on the host, remove its line and"
            ' add "ContainerCreate: unrestricted" to "allow" of socket "ci"'
        ),
    ]


def test_what_bears_on_bodies_is_open_as_long_as_there_is_none() -> None:
    assert bears("POST", "/containers/web/exec") == [
        "grant  ContainerExec (policy.yaml:6)",
        "       yes  the container is web",
        "       ?    commands are pg_dump **",
        "       ?    contained: depends on the body",
        "grant  ContainerExec (policy.yaml:7)",
        "       no   the container is db: it is web",
        "       yes  unrestricted: any body is allowed",
    ]


def test_what_nothing_can_bound_says_so() -> None:
    assert bears("POST", "/swarm/init") == [
        "grant  swarm:write (policy.yaml:11)",
        "       no   no condition can limit it: it can hand the host to another swarm",
    ]


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        (
            "GET",
            "/version",
            ['to deny it, add this line to "deny" of socket "backup" in policy.yaml:', "- SystemVersion"],
        ),
        (
            "POST",
            "/containers/web/restart",
            [
                'to allow it, add this line to "allow" of socket "backup" in policy.yaml:',
                "- ContainerRestart: {containers: [web]}",
            ],
        ),
        ("GET", "/_ping", []),
        (
            "GET",
            "/containers/x/archive?path=/etc",
            [
                'to allow it, also add this line to "allow" of socket "backup" in policy.yaml:',
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


INSTEAD = "to allow it, leave that out; or, to let clients"
BY = 'in "allow" of socket "ci" in policy.yaml by this line:'


@for_each(
    ("method", "target", "body", "expected"),
    [
        (
            "POST",
            "/containers/create?name=x",
            {"Image": "alpine", "HostConfig": {"Binds": ["/etc:/x:ro", "data:/d"]}},
            [
                f"{INSTEAD} read keys of the host, replace ContainerCreate (policy.yaml:5) {BY}",
                (
                    '- ContainerCreate: {images: ["docker.io/library/*"], binds: ["/srv/*", /etc:ro], memory: "2GiB",'
                    " volumes: [data]}"
                ),
            ],
        ),
        (
            "POST",
            "/containers/create",
            {"Image": "alpine", "HostConfig": {"Privileged": True}},
            [
                f"{INSTEAD} become root on the host, replace ContainerCreate (policy.yaml:5) {BY}",
                "- ContainerCreate: unrestricted",
            ],
        ),
        ("POST", "/containers/create", None, []),
        (
            "POST",
            "/volumes/create",
            {"Name": "x", "Driver": "local", "DriverOpts": {"type": "none"}},
            [
                f"{INSTEAD} become root on the host, replace VolumeCreate (policy.yaml:8) {BY}",
                "- VolumeCreate: unrestricted",
            ],
        ),
        (
            "POST",
            "/networks/create",
            {"Name": "front", "IPAM": {"Config": [{"Subnet": "10.9.0.0/24"}]}},
            [
                'to allow it, add this line to "allow" of socket "ci" in policy.yaml:',
                '- NetworkCreate: {subnets: ["10.9.0.0/24"], names: [front]}',
            ],
        ),
        (
            "POST",
            "/swarm/init",
            {},
            [
                (
                    'to allow it and let clients become root on the host, add this line to "allow" of socket "ci"'
                    " in policy.yaml:"
                ),
                "- SwarmInit: unrestricted",
            ],
        ),
        (
            "POST",
            "/images/load",
            b"nonsense",
            [
                (
                    "to allow it and let clients replace images that others use, add this line"
                    ' to "allow" of socket "ci" in policy.yaml:'
                ),
                "- ImageLoad: unrestricted",
            ],
        ),
        (
            "POST",
            "/build?t=ci/x",
            b"nobody reads it",
            [
                'to allow it, add this line to "allow" of socket "ci" in policy.yaml:',
                "- ImageBuild: {tags: [docker.io/ci/x:latest]}",
            ],
        ),
        (
            "PUT",
            "/containers/db/archive?path=/x",
            None,
            [
                'to allow it, add this line to "allow" of socket "ci" in policy.yaml:',
                "- PutContainerArchive: {containers: [db]}",
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
            "to allow it if contained (its body says what else it needs),"
            ' add this line to "allow" of socket "ci" in policy.yaml:'
        ),
        "- NetworkCreate",
    ]
    assert try_body(change(BODIES, said), "POST", "/networks/create", {"Name": "front"}).decision.allowed


@for_each("command", [["sh", "-c", "**"], ["*"], ["ls", "/?"]])
def test_no_line_is_proposed_that_would_be_a_pattern(command: list[str]) -> None:
    [said] = changes(sockets_of(BODIES)["ci"], try_body(BODIES, "POST", "/containers/x/exec", {"Cmd": command}))
    assert said.endswith("allows only this: commands cannot list it: * and ? are wildcards there")


def test_no_line_allows_what_a_quota_cannot_count() -> None:
    [socket] = sockets_of(
        "sockets: {a: {path: /a, quota: {containers: 2}, allow: [own], deny: [ContainerUpdate]}}"
    ).values()
    for target in ("/services/create", "/v5.0.0/libpod/play/kube"):
        tried = try_request(socket.policy, "POST", target, b"{}")
        assert isinstance(tried, Tried)
        (line,) = find_change(socket.policy.policy, tried, "a", "policy.yaml")
        assert line[1].endswith("allows this: its quota of containers cannot count what it makes")


def test_where_a_denial_would_leave_a_grant_nothing_the_grant_is_taken_out() -> None:
    socket = socket_of()
    where = 'of socket "backup" in policy.yaml'
    assert changes(socket, tried_on(socket, "GET", "/images/search?term=app")) == [
        f'to deny it, remove ImageSearch (policy.yaml:13) from "allow" {where}'
    ]
    assert changes(socket, tried_on(socket, "GET", "/containers/web/logs?follow=1")) == [
        f'to deny it, remove ContainerLogs (policy.yaml:8) from "allow", and add this line to "deny" {where}:',
        "- ContainerLogs",
    ]


def test_what_no_grant_allows_alone_can_be_denied() -> None:
    """Images are shown by what several grants say: `own`, and which images a create may use."""
    text = "sockets:\n  ci:\n    path: /a\n    allow:\n      - own\n      - ContainerCreate: {images: [alpine]}"
    said = changes(sockets_of(text)["ci"], try_body(text, "GET", "/images/json"))
    assert said == ['to deny it, add this line to "deny" of socket "ci" in policy.yaml:', "- ImageList"]
    assert not try_body(change(text, said), "GET", "/images/json").decision.allowed


def test_where_no_condition_can_be_kept_to_those_that_are_written_go() -> None:
    socket = socket_of()
    where = 'of socket "backup" in policy.yaml'
    assert changes(socket, tried_on(socket, "DELETE", "/networks/front?force=1")) == [
        f'to allow it for every network, remove the conditions of NetworkDelete (policy.yaml:11) in "allow" {where}'
    ]


QUERIES = ("", "?follow=1", "?path=/data", "?signal=9", "?force=1", "?fromImage=app&tag=3", "?term=quay.io/x", "?x=%FF")
WITHOUT_DENIALS = POLICY.partition("    deny:")[0]


@pytest.mark.parametrize("text", [POLICY, WITHOUT_DENIALS])
@given(st.sampled_from(sorted(PLAIN)), st.sampled_from(QUERIES))
def test_what_is_said_to_turn_the_decision_turns_it_without_a_mistake(text: str, name: str, query: str) -> None:
    request = PLAIN[name]
    socket = sockets_of(text)["backup"]
    tried = tried_on(socket, request.method, request.target + query)
    said = changes(socket, tried)
    if name in {"SystemPing", "ContainerArchive"} and text is POLICY:
        assert 'from "deny"' in tried.decision.message
        return
    if name == "ImageTag" and said[0].endswith("it does not say which name of an image"):
        assert not any(given for key, given in tried.request.query if key == "repo")
        return
    again = tried_on(sockets_of(change(text, said))["backup"], request.method, request.target + query)
    assert again.decision.allowed is not tried.decision.allowed or again.wants_body, said
