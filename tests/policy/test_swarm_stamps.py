"""What a swarm has keeps its stamp, whoever changes it, and a service reads what is its client's."""

import json
from collections.abc import Mapping

import pytest
from policy.judging import finish
from policy.stamping import MINE, THEIRS, sent
from rows import for_each
from wire.heads import head_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import NONCE, OWNER
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.judge import judge
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.phases import Verdict

SWARM = (
    read_policy(
        """
sockets:
  ci:
    path: /ci.sock
    own_as: team
    allow:
      - own
      - ServiceCreate: {images: [busybox], secrets: [shared]}
      - ServiceUpdate: {images: [busybox]}
      - SecretCreate
      - ConfigUpdate
""",
        "policy.yaml",
    )
    .sockets[0]
    .policy
)
CONTAINER = {"Image": "busybox:latest", "Labels": {"c": "d"}}
STAMPS = [MINE, THEIRS, {}, {OWNER: "team"}, {"a": "b"}]


def send(
    line: str, body: object, labels: Mapping[str, str], names: str = "web", policy: CompiledPolicy = SWARM
) -> Verdict:
    """Judge a request to its end, where each object has labels and this name."""

    def find(lookup: Lookup) -> ResolvedObject:
        spec = {"Name": names, "Labels": labels}
        found = read_object(lookup, json.dumps({"ID": "1" * 25, "Spec": spec}).encode(), "")
        assert isinstance(found, ResolvedObject)
        return found

    content = json.dumps(body).encode()
    fields = ("content-type: application/json", f"content-length: {len(content)}", "x-registry-auth: e30=")
    verdict = finish(judge(policy, head_of(*fields, line=f"{line} HTTP/1.1")), content, find)
    assert isinstance(verdict, Verdict)
    return verdict


@for_each("labels", STAMPS)
@for_each("given", [None, {}, {"x": "y"}, {OWNER: "team", NONCE: "forged"}])
def test_an_update_leaves_the_stamp_as_it_is(labels: dict[str, str], given: dict[str, str] | None) -> None:
    """Whoever may change what another has, or nobody, does not get it; and nobody loses what is its own."""
    stamp = {name: text for name, text in labels.items() if name in {OWNER, NONCE}}
    others = {name: text for name, text in (given or {}).items() if name not in {OWNER, NONCE}}
    service = {"Name": "web", "Labels": given, "TaskTemplate": {"ContainerSpec": CONTAINER}}
    verdict = send("POST /services/web/update?version=1", service, labels)
    made = sent(verdict)
    assert made["Labels"] == {**others, **stamp}
    assert made["TaskTemplate"]["ContainerSpec"]["Labels"] == {"c": "d", **stamp}
    assert verdict.to_engine.startswith(b"POST /services/1111111111111111111111111/update?version=1 ")
    config = send("POST /configs/web/update?version=1", {"Name": "web", "Labels": given}, labels)
    assert sent(config)["Labels"] == {**others, **stamp}
    secret = send("POST /secrets/web/update?version=1", {"Name": "web", "Labels": given}, labels)
    assert secret.passes is (labels == MINE)


@pytest.mark.parametrize("labels", STAMPS)
def test_an_update_of_a_client_that_owns_nothing_keeps_the_stamp(labels: dict[str, str]) -> None:
    policy = (
        read_policy("sockets: {ci: {path: /ci.sock, allow: [ServiceUpdate: {services: [web]}]}}", "p").sockets[0].policy
    )
    service = {"Name": "web", "TaskTemplate": {"ContainerSpec": CONTAINER}}
    stamp = {name: text for name, text in labels.items() if name in {OWNER, NONCE}}
    assert sent(send("POST /services/web/update?version=1", service, labels, policy=policy)).get("Labels", {}) == stamp


@pytest.mark.parametrize("kind", ["Secret", "Config"])
def test_a_service_reads_what_is_its_client_s_or_granted(kind: str) -> None:
    """The id decides whose it is, and must be that of the name."""

    def create(labels: Mapping[str, str], name: str, there: str = "web") -> Verdict:
        reference = [{f"{kind}ID": "1111", f"{kind}Name": name, "File": {"Name": "x"}}]
        spec = {"Image": "busybox:latest", f"{kind}s": reference}
        return send("POST /services/create", {"Name": "s", "TaskTemplate": {"ContainerSpec": spec}}, labels, there)

    made = sent(create(MINE, "web"))["TaskTemplate"]["ContainerSpec"]
    assert made[f"{kind}s"][0][f"{kind}ID"] == "1" * 25
    assert not create(MINE, "other").passes
    assert not create(THEIRS, "web").passes
    assert not create({}, "web").passes
    assert create(THEIRS, "shared", "shared").passes is (kind == "Secret")
    assert not create(THEIRS, "shared").passes
