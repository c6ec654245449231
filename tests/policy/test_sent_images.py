"""A registry on the engine's host, and what others build, is pulled or pushed only by a name in `images`."""

import json
import re

from rows import for_each

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Decision
from dockerproxy.workbench.trying import Tried, try_request
from dockerproxy.workbench.verdict import list_verdicts

LOCAL = ("localhost", "localhost:5000", "LocalHost:80", "127.9.8.7", "127.1:80", "0x7f.1", "0.0.0.0:5000", "[::1]:5000")
OTHERS = ("docker.io", "ghcr.io", "registry.local:5000", "10.0.0.1:5000", "local-host.example", "[fd00::1]:80")
PULL, PUSH = "/v1.45/images/create?fromImage={}/app&tag=1", "/v1.45/images/{}/app/push?tag=1"


def on_two_sockets(line: str) -> CompiledPolicy:
    """Return the policy of a socket beside one whose clients build ghcr.io/acme/app."""
    theirs = 'b: {path: /b.sock, allow: [ImageBuild: {tags: ["ghcr.io/acme/app:*", "ghcr.io/x/y*/**"]}]}'
    return read_policy(f"sockets: {{a: {{path: /a.sock, allow: [{line}]}}, {theirs}}}", "policy.yaml").sockets[0].policy


def doors(images: str) -> list[tuple[CompiledPolicy, str, bytes]]:
    """Return what pulls or pushes the image registry/app:1, under policies with these words."""
    service = json.dumps({"Name": "s", "TaskTemplate": {"ContainerSpec": {"Image": "{}/app:1"}}})
    words = f": {{images: {images}}}" if images else ""
    pushed = [(on_two_sockets(f"ImagePush{words}"), PUSH, b"")] if images else []
    found = [(f"ServiceCreate{words}", "/v1.45/services/create", service.encode()), (f"ImageCreate{words}", PULL, b"")]
    return [*((on_two_sockets(line), target, body) for line, target, body in found), *pushed]


def sends(policy: CompiledPolicy, target: str, body: bytes, registry: str) -> Decision:
    content = body.replace(b"{}", registry.encode()) if body else None
    tried = try_request(policy, "POST", target.replace("{}", registry), body=content)
    assert isinstance(tried, Tried)
    return tried.decision


@for_each("images", ["", '["**"]', '["localhost/**", "**", "127.*/**"]'])
def test_only_a_named_registry_on_the_host_is_pulled_from_or_pushed_to(images: str) -> None:
    for policy, target, body in doors(images):
        for registry in LOCAL[: -1 if target == PUSH else None]:  # A path has no brackets.
            assert not sends(policy, target, body, registry).allowed, registry
        for registry in (each for each in OTHERS if target != PUSH or "[" not in each):
            assert sends(policy, target, body, registry).allowed, registry
        denied = sends(policy, target, body, "localhost:5000").message
        [proposed] = re.findall(r'add "(\w+: .*)" to "allow"', denied)
        assert '"localhost:5000/**"' in proposed
        for registry in ("localhost:5000", *OTHERS[:-2]):
            assert sends(on_two_sockets(proposed), target, body, registry).allowed, registry
        assert not sends(on_two_sockets(proposed), target, body, "localhost:5001").allowed


@for_each("name", ["ghcr.io/acme", "ghcr.io/x/yz"])
@for_each("images", ["", '["**"]', '["ghcr.io/**"]', '["ghcr.io/*/*", "ghcr.io/acme/app*"]'])
def test_what_another_socket_builds_is_only_replaced_by_its_name(images: str, name: str) -> None:
    for policy, target, body in doors(images):
        denied = sends(policy, target, body, name)
        assert not denied.allowed
        [proposed] = re.findall(r'add "(\w+: .*)" to "allow"', denied.message)
        named = on_two_sockets(proposed)
        assert sends(named, target, body, name).allowed
        assert list_verdicts(policy)[2] == "others' objects: no"
        assert list_verdicts(named)[2].startswith(f"others' objects: changes them, by {proposed.partition(':')[0]}")


@for_each("line", ["ImageCreate", 'ImageCreate: {images: ["**"]}', 'ImageCreate: {images: ["**", "localhost/app:1"]}'])
def test_all_tags_and_unreadable_pulls_are_no_way_around(line: str) -> None:
    policy, pull = on_two_sockets(line), "/v1.45/images/create?"
    for query in ("fromImage=localhost/app", "fromImage=ghcr.io/acme/app", "fromImage=localhost/a:1&fromImage=nginx"):
        assert not sends(policy, f"{pull}{query}", b"", "").allowed
    denied = sends(policy, f"{pull}fromImage=ghcr.io/acme/app", b"", "").message
    [proposed] = re.findall(r'add "(\w+: .*)" to "allow"', denied)
    assert '"ghcr.io/acme/app:*"' in proposed
    assert sends(on_two_sockets(proposed), f"{pull}fromImage=ghcr.io/acme/app", b"", "").allowed
