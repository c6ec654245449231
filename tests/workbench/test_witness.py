"""A request that is shown is decided as it is said, by both; and for most of what can be said one is found."""

import json

import pytest
from fuzz.grants import VALUES
from workbench.requests import Asked, send
from workbench.test_proof import socket

from dockerproxy.api.bodies.tables import SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.errors import Refusal
from dockerproxy.policy.lists import LISTED
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.proof import find_doubts
from dockerproxy.workbench.witness import Witness, find_witness

CREATE = 'POST /containers/create {"Image": "registry.example/app:1"'


def witness(old: SocketSettings | None, new: SocketSettings) -> Witness | None:
    """Return the first request that shows one of the doubts."""
    found = (find_witness(old, new, doubt) for doubt in find_doubts(old, new))
    return next((each for each in found if each is not None), None)


@pytest.mark.parametrize(
    ("old", "new", "asked"),
    [
        ("ContainerStart: {containers: [web]}", "ContainerStart", "POST /containers/example/start"),
        ("ContainerStart: {containers: ['a*']}", "ContainerStart: {containers: ['*']}", "POST /containers/x/start"),
        ("ContainerLogs: {follow: false}", "ContainerLogs", "GET /containers/example/logs?follow=1"),
        (
            "ContainerKill: {signal: [HUP]}",
            "ContainerKill: {signal: [HUP, INT]}",
            "POST /containers/example/kill?signal=INT",
        ),
        (
            "ImageCreate: {from: [nginx]}",
            "ImageCreate: {from: [nginx, 'ghcr.io/acme/*']}",
            "POST /images/create?fromImage=ghcr.io/acme/x",
        ),
        (
            "ContainerArchive: {path: ['/data/**']}",
            "ContainerArchive: {path: ['/**']}",
            "GET /containers/example/archive?path=/x",
        ),
        (
            "ContainerCreate: {publish: {ports: [8000-8099]}}",
            "ContainerCreate: {publish: {ports: [8000-8999]}}",
            f'{CREATE}, "HostConfig": {{"PortBindings": {{"80/tcp": [{{"HostPort": "8999"}}]}}}}}}',
        ),
        (
            "ContainerCreate: {binds: ['/srv/*:ro']}",
            "ContainerCreate: {binds: ['/srv/*']}",
            f'{CREATE}, "HostConfig": {{"Binds": ["/srv/x:/mnt"]}}}}',
        ),
        (
            "ContainerCreate: {user: not-root, memory: 1GiB}",
            "ContainerCreate: {user: not-root, memory: 2GiB}",
            f'{CREATE}, "User": "1000:1000", "HostConfig": {{"Memory": 2147483648}}}}',
        ),
        (
            "NetworkCreate: {subnets: [10.9.0.0/16]}",
            "NetworkCreate: {subnets: [10.0.0.0/8]}",
            'POST /networks/create {"IPAM": {"Config": [{"Subnet": "10.0.0.0/8"}]}}',
        ),
        (
            "ContainerExec: {commands: [[ls, '*']]}",
            "ContainerExec: {commands: [[ls, '**']]}",
            'POST /containers/example/exec {"Cmd": ["ls"]}',
        ),
        (
            "ContainerCreate",
            "ContainerCreate: unrestricted",
            f'{CREATE}, "HostConfig": {{"Privileged": true}}}}',
        ),
    ],
)
def test_the_request_is_one_that_only_the_new_policy_allows(old: str, new: str, asked: str) -> None:
    found = witness(socket(old), socket(new))
    assert found is not None
    example = found.example
    body = f" {example.body.decode()}" if example.body not in {None, b"{}"} and example.body is not None else ""
    assert f"{example.method} {example.target}{body}" == asked
    assert found.now.passes
    assert found.before


def test_what_an_object_is_like_is_part_of_the_request() -> None:
    found = witness(socket("ContainerStop: {labelled: {a: b}}"), socket("ContainerStop: {labelled: {a: [b, c]}}"))
    assert found is not None
    assert found.example.labels == {"a": "c"}
    mine = witness(socket("own"), socket("ContainerStop: {own: true}", "own", own_as="other"))
    assert mine is not None
    assert mine.example.is_own


def test_a_mode_that_refuses_nothing_is_shown_by_any_request() -> None:
    found = witness(socket("ContainerList"), socket("ContainerList", mode="report"))
    assert found is not None
    assert not found.now.decision.allowed
    assert found.now.passes


NOTHING_ALLOWED = {"ImagePush", "ImagePushLibpod", "ImageTagLibpod"}
"""Without conditions, a contained grant of these allows nothing."""


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_what_is_newly_allowed_is_shown_for_every_operation(name: str) -> None:
    found = witness(None, socket(f"{name}: unrestricted" if name in SEALED else name))
    assert (found is None) is (name in NOTHING_ALLOWED)


HARD = {"credentials", "instructions", "drop_capabilities", "addresses", "tagged", "networks"}
"""Words for which no request is made up: what they are about is in the head or an archive, or is put in by us; and a
network that has another name for Podman."""

EXCUSED = {
    *(("ExecStart", word) for word in ("user", "commands")),
    *(("ExecStartLibpod", word) for word in ("user", "commands")),
    ("ImageBuild", "extra_hosts"),
    ("ContainerUpdateLibpod", "changes"),
    ("ContainerUpdateLibpod", "restart"),
    ("ImageTagLibpod", "images"),
}
"""What only an engine's answer or an archive says, or what this operation lacks besides."""

MORE = {
    "restart": ["no"],
    "read_only": "required",
    "extra_hosts": ["db:10.9.*"],
    "options": ["tty"],
    "changes": ["memory"],
}

NARROWING = sorted(
    (name, word)
    for name, operation in OPERATIONS.items()
    for word, constraint in find_words(operation).items()
    if constraint.narrows
    and word not in HARD
    and name not in SEALED | LISTED.keys()
    and (name, word) not in EXCUSED
    and not (word in {"images", "own"} and name in NOTHING_ALLOWED)
)


@pytest.mark.parametrize("name", sorted({name for name, _ in NARROWING}))
def test_a_condition_that_is_dropped_is_shown(name: str) -> None:
    new = socket(name)
    for word in (word for each, word in NARROWING if each == name):
        old = socket(f"{name}: {{{word}: {json.dumps(MORE.get(word, VALUES.get(word, False)))}}}")
        found = witness(old, new)
        assert found is not None, word
        decided_again(found, old, passes=False)
        decided_again(found, new, passes=True)


def decided_again(found: Witness, policy: SocketSettings, *, passes: bool) -> None:
    """Decide about a request in another way, where nothing depends on an object."""
    if not found.asked:
        operation = found.now.operation
        sent = send(policy.policy, Asked(operation, found.example.target, found.example.body))
        assert (not isinstance(sent, Refusal) and sent.passes) is passes
