"""What a client creates is stamped, and a stamp says whose a thing is only if it is no image's."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.judging import finish
from policy.policies import ID
from policy.stamping import MINE, POLICY, THEIRS, described, engine, send, sent
from wire.heads import head_of

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import NEW, NONCE, OWNER, find_owner, make_stamp
from dockerproxy.policy.descriptions import has_labels, read_image_labels, read_object
from dockerproxy.policy.judge import judge, judge_unknown
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject, ask
from dockerproxy.policy.phases import Verdict

TEXTS = st.sampled_from(["", "a", "b", "team"]) | st.none() | st.just(1)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_a_stamp_counts_only_if_it_is_fresh(owner: object, nonce: object, other: object, inherited: object) -> None:
    found = find_owner({OWNER: owner, NONCE: nonce}, {OWNER: other, NONCE: inherited})
    assert found in {owner, ""}
    if found:
        assert nonce
        assert nonce != inherited


def test_nothing_is_of_the_owner_of_what_does_not_exist() -> None:
    """Else it would be everybody's: each client could see, mount and remove it."""
    assert not find_owner({OWNER: NEW, NONCE: "n1"}, {})
    for line in ("POST /v1.41/containers/create", "POST /v1.41/networks/create", "POST /v1.41/volumes/create"):
        body = (
            {"Image": "busybox", "Labels": {OWNER: NEW}}
            if "containers" in line
            else {"Name": "n", "Labels": {OWNER: NEW}}
        )
        assert not send(line, body, engine(None)).passes


def test_what_is_created_is_stamped_beside_the_labels_of_the_grant() -> None:
    body = {"Image": "busybox", "Labels": {"a": "b"}}
    made = sent(send("POST /v1.41/containers/create", body, engine(None)))
    assert made["Labels"] == {"a": "b", "stage": "test", **make_stamp("team", "n9")}
    for line in ("POST /v1.41/networks/create", "POST /v1.41/volumes/create"):
        assert sent(send(line, {"Name": "web"}, engine(None)))["Labels"] == make_stamp("team", "n9")


@pytest.mark.parametrize("name", [OWNER, "io.dockerproxy.new", f"{OWNER}=x", f"{NONCE}=x"])
def test_nobody_sends_a_label_of_ours(name: str) -> None:
    labels = {name: "x"}
    volume = {"Type": "volume", "Source": "v", "Target": "/v", "VolumeOptions": {"Labels": labels}}
    for line, body in (
        ("POST /v1.41/containers/create", {"Image": "busybox", "Labels": labels}),
        ("POST /v1.41/containers/create", {"Image": "busybox", "HostConfig": {"Mounts": [volume]}}),
        ("POST /v1.41/networks/create", {"Name": "n", "Labels": labels}),
        ("POST /v1.41/volumes/create", {"Name": "n", "Labels": labels}),
    ):
        verdict = send(line, body, engine(MINE))
        assert not verdict.passes
        assert name in verdict.decision.message


@pytest.mark.parametrize("line", ["GET /containers/web/json", "GET /networks/web", "DELETE /volumes/web"])
def test_what_is_its_own_can_be_acted_on_and_the_rest_does_not_exist(line: str) -> None:
    assert send(line, None, engine(MINE)).passes
    nowhere = send(line, None, engine(None))
    assert nowhere.decision.status == 404
    for labels in (THEIRS, {}, {OWNER: "team"}, {NONCE: "n1"}, {OWNER: "team", NONCE: ""}):
        verdict = send(line, None, engine(labels))
        assert not verdict.passes
        assert (verdict.decision.status, verdict.decision.message) == (404, nowhere.decision.message)


def test_a_stamp_that_the_image_has_is_worth_nothing() -> None:
    for inherited, is_mine in (
        ({}, True),
        (None, True),
        (MINE, False),
        ({NONCE: "n1"}, False),
        ({OWNER: "team"}, True),
    ):
        assert send("GET /containers/web/json", None, engine(MINE, inherited)).passes is is_mine


@pytest.mark.parametrize(
    "said",
    [
        {"Config": {"Labels": MINE, "Cmd": ["/bin/sh", "-c", "#(nop) ", "LABEL a=b"]}},
        {"Labels": MINE, "Command": "/bin/sh -c '#(nop) ' 'LABEL a=b'"},
    ],
)
def test_what_the_classic_builder_makes_for_a_label_of_a_dockerfile_is_nobodys(said: dict[str, object]) -> None:
    """Its labels are not those of the image yet, and a Dockerfile passes unread."""
    asked = ask(Kind.CONTAINER, "web", "", OPERATIONS["ContainerInspect"])
    fields = {**described(Kind.CONTAINER, "web", MINE), **said}
    found = read_object(asked, json.dumps(fields).encode(), "")
    assert isinstance(found, ResolvedObject)
    assert (found.belongs_to, found.labels) == ("", MINE)


def test_a_container_whose_image_cannot_be_read_is_nobodys() -> None:
    asked = ask(Kind.CONTAINER, "web", "", OPERATIONS["ContainerInspect"])
    lookup = read_object(asked, json.dumps(described(Kind.CONTAINER, "web", MINE)).encode(), "")
    assert isinstance(lookup, Lookup)
    assert lookup.of is not None
    for unreadable in (b"", b"[]", b"{}", b'{"Config":null}'):
        assert read_image_labels(unreadable) is None
        found = read_object(lookup, unreadable, "")
        assert isinstance(found, ResolvedObject)
        assert found.belongs_to == lookup.of.belongs_to == ""


USES: list[dict[str, object]] = [
    {"NetworkMode": "web"},
    {"NetworkMode": "a_b"},
    {"NetworkMode": "container:web"},
    {"PidMode": "container:web"},
    {"IpcMode": "container:web"},
    {"Binds": ["web:/data"]},
    {"Mounts": [{"Type": "volume", "Source": "web", "Target": "/data"}]},
]


@pytest.mark.parametrize("use", USES)
def test_a_create_may_use_what_is_its_own_and_nothing_of_others(use: dict[str, object]) -> None:
    body = {"Image": "busybox", "HostConfig": use}
    assert send("POST /v1.41/containers/create", body, engine(MINE)).passes
    for labels in (THEIRS, {}):
        verdict = send("POST /v1.41/containers/create", body, engine(labels))
        assert (verdict.passes, verdict.decision.status) == (False, 403)


def test_what_it_joins_goes_on_under_its_id() -> None:
    for use, place in (({"NetworkMode": "a_b"}, ID), ({"PidMode": "container:web"}, f"container:{ID}")):
        made = sent(send("POST /v1.41/containers/create", {"Image": "busybox", "HostConfig": use}, engine(MINE)))
        assert list(made["HostConfig"].values()) == [place, ["MKNOD"]]


def test_a_volume_that_is_not_there_is_made_for_it() -> None:
    body = {"Image": "busybox", "HostConfig": {"Binds": ["web:/data", "/v", "more:/more"]}}
    verdict = send("POST /v1.41/containers/create", body, engine(None))
    assert verdict.passes
    assert verdict.decision.uses.makes.keys() == {"web", "more"}
    assert send("POST /v1.41/containers/create", body, engine(MINE)).decision.uses.makes == {}


def test_a_network_or_container_that_is_not_there_cannot_be_used() -> None:
    for use in ({"NetworkMode": "a_b"}, {"PidMode": "container:web"}):
        verdict = send("POST /v1.41/containers/create", {"Image": "busybox", "HostConfig": use}, engine(None))
        assert not verdict.passes


def test_only_its_own_containers_are_connected_to_its_own_networks() -> None:
    line = "POST /v1.41/networks/web/connect"
    for network, container, status in ((MINE, MINE, 0), (THEIRS, MINE, 404), (MINE, THEIRS, 403), (None, MINE, 404)):

        def find(lookup: Lookup, network: Any = network, container: Any = container) -> Any:
            return engine(network if lookup.kind is Kind.NETWORK else container)(lookup)

        verdict = send(line, {"Container": "web"}, find)
        assert verdict.passes is (status == 0)
        assert status in {0, verdict.decision.status}


def test_what_is_made_of_a_volume_is_known_by_its_labels() -> None:
    stamp = make_stamp("team", "n9")
    assert has_labels(json.dumps({"Name": "v", "Labels": {**stamp, "a": "b"}}).encode(), stamp)
    for answer in (b"", b"{}", b'{"Labels":null}', json.dumps({"Labels": MINE}).encode()):
        assert not has_labels(answer, stamp)


def test_where_nothing_is_owned_nothing_is_stamped_or_made() -> None:
    policy = (
        read_policy(
            "sockets: {ci: {path: /ci.sock, allow: [ContainerCreate: {images: [busybox], volumes: ['*']}]}}",
            "policy.yaml",
        )
        .sockets[0]
        .policy
    )
    content = json.dumps({"Image": "busybox", "HostConfig": {"Binds": ["web:/data"]}}).encode()
    head = head_of(
        *("content-type: application/json", f"content-length: {len(content)}"),
        line="POST /containers/create HTTP/1.1",
    )
    verdict = finish(judge(policy, head), content, engine(None))
    assert isinstance(verdict, Verdict)
    assert verdict.decision.uses.makes == {}
    assert "Labels" not in sent(verdict)


def test_no_owner_is_called_like_what_does_not_exist() -> None:
    assert NEW not in POLICY.owner


@pytest.mark.parametrize("spelled", ["soon", ID[:1], ID])
def test_a_container_that_is_not_there_yet_is_not_acted_on_when_it_is(spelled: str) -> None:
    """The lookup finds nothing, another client makes one of that name, and only then the engine acts."""
    for line in ("POST /networks/mine/connect", "POST /networks/mine/disconnect"):
        for others in (engine(None), engine(THEIRS)):

            def find(lookup: Lookup, others: Callable[[Lookup], Any] = others) -> Any:
                return engine(MINE)(lookup) if lookup.kind is Kind.NETWORK else others(lookup)

            verdict = send(line, {"Container": spelled}, find)
            assert (verdict.passes, "web" in verdict.decision.message) == (False, False)


def test_what_an_inspection_shows_of_its_own_stamp_may_be_sent_again() -> None:
    for line in ("POST /v1.41/containers/create", "POST /v1.41/networks/create"):
        body = {"Image": "busybox", "Labels": MINE} if "containers" in line else {"Name": "web", "Labels": MINE}
        assert sent(send(line, body, engine(None)))["Labels"].items() >= make_stamp("team", "n9").items()
        assert not send(line, {**body, "Labels": THEIRS}, engine(None)).passes


NAMING = """
sockets:
  ci:
    path: /ci.sock
    allow:
      - own
      - ContainerCreate: {images: [busybox], volumes: [shared]}
      - VolumeCreate: {names: ["d-*"]}
"""


@pytest.mark.parametrize(
    ("name", "deny", "passes"),
    [("d-1", "", True), ("web", "", False), ("shared", "", True), ("d-1", "deny: [VolumeCreate]", False)],
)
def test_a_volume_that_is_made_on_the_way_has_a_name_that_it_may_have(name: str, deny: str, *, passes: bool) -> None:
    text = NAMING.replace("      - VolumeCreate", "      # - VolumeCreate") if deny else NAMING
    policy = read_policy(f"{text}    {deny}\n", "policy.yaml").sockets[0].policy
    content = json.dumps({"Image": "busybox", "HostConfig": {"Binds": [f"{name}:/data"]}}).encode()
    fields = ("content-type: application/json", f"content-length: {len(content)}")
    verdict = finish(judge(policy, head_of(*fields, line="POST /containers/create HTTP/1.1")), content, engine(None))
    assert isinstance(verdict, Verdict)
    assert verdict.passes is passes


def test_labels_of_a_mount_are_those_of_the_volume_that_is_made_for_it() -> None:
    mount = {"Type": "volume", "Source": "web", "Target": "/v", "VolumeOptions": {"Labels": {"a": "b"}}}
    verdict = send("POST /containers/create", {"Image": "busybox", "HostConfig": {"Mounts": [mount]}}, engine(None))
    assert verdict.decision.uses.makes == {"web": {"a": "b"}}


def test_of_two_hidden_ids_that_begin_alike_a_client_learns_as_much_as_of_none() -> None:
    hidden = send("GET /containers/4f/json", None, engine(THEIRS))
    assert judge_unknown(hidden, "two have it", hides=True).decision.status == 404
    assert judge_unknown(hidden, "two have it").decision.status == 502


def test_what_lacks_the_labels_does_not_exist() -> None:
    text = "sockets: {ci: {path: /ci.sock, allow: [ContainerInspect: {labelled: {stage: test}}]}}"
    policy = read_policy(text, "policy.yaml").sockets[0].policy
    head = head_of(line="GET /containers/web/json HTTP/1.1")
    for labels, passes in (({"stage": "test"}, True), ({"stage": "live"}, False), (None, False)):
        verdict = finish(judge(policy, head), b"", engine(labels))
        assert isinstance(verdict, Verdict)
        assert (verdict.passes, verdict.decision.status == 404) == (passes, not passes)


def test_a_container_whose_image_goes_by_a_name_is_nobodys() -> None:
    answer = described(Kind.CONTAINER, "web", MINE) | {"Image": "busybox"}
    found = read_object(ask(Kind.CONTAINER, "web", "", OPERATIONS["ContainerInspect"]), json.dumps(answer).encode(), "")
    assert isinstance(found, ResolvedObject)
    assert not found.belongs_to
