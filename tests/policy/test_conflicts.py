"""What engines say of what is taken tells nothing of other clients."""

import json

import pytest

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.conflicts import INSPECTING, forget_others, is_of_another

ID, OTHER = "0123456789ab" * 5 + "cdef", "fedcba987654" * 5 + "3210"


@pytest.mark.parametrize("how", ["an ingress port", "a host-published port"])
@pytest.mark.parametrize("name", ["web", "a_b.c-1", "x" * 63])
def test_whose_service_has_a_port_is_not_told(how: str, name: str) -> None:
    says = "rpc error: code = InvalidArgument desc = port '80' is already in use"
    told = f'{{"message":"{says} by service \'{name}\' (k3wxf0rzq1v7m2t5c8h4j6n9p) as {how}"}}\n'
    assert forget_others("ServiceCreate", 400, told.encode(), b"") == f'{{"message":"{says} as {how}"}}\n'.encode()


@pytest.mark.parametrize(
    "says",
    [
        f'Conflict. The container name \\"/c\\" is already in use by container \\"{OTHER}\\". You have to remove it.',
        f"cannot create network {ID} (br-{ID[:12]}): conflicts with network {OTHER} (br-{OTHER[:12]}): overlapping",
        f"cannot create network {ID} (br-{ID[:12]}): conflicts with network {OTHER} (shop0): overlapping IPv4",
        f'creating container storage: the container name "c" is already in use by {OTHER}. You have to remove it',
        f"IPAM error: requested ip address 10.88.0.5 is already allocated to container ID {OTHER}",
        f"image used by {OTHER}: image is in use by a container",
        f"2 errors occurred:\\n\\t{OTHER}\\n{OTHER[:12]}: in use",
        f"in use (id:{OTHER})",
    ],
)
def test_an_error_has_no_id_that_was_not_sent(says: str) -> None:
    told = (forget_others("ContainerCreate", 500, says.encode(), f"GET /{ID}".encode()) or b"").decode()
    assert not any(part in told for part in (OTHER[:12], "shop0"))
    assert (ID in says) is (ID in told)
    sent = forget_others("ContainerCreate", 500, says.encode(), says.encode()) or b""
    assert (OTHER.encode() in sent) is ("network" not in says)
    assert forget_others("ContainerCreate", 201, says.encode(), b"") == says.encode()


def test_an_image_that_is_not_there_is_named() -> None:
    says = f"no such image: sha256:{OTHER}".encode()
    assert forget_others("ContainerCreate", 404, says, b"") == says


@pytest.mark.parametrize("name", sorted(INSPECTING))
def test_why_a_container_did_not_start_names_no_other(name: str) -> None:
    state = f'{{"Error":"already allocated to container ID {OTHER}","Pid":0}}'
    content = f'{{"Id":"{ID}", "State":{state},"Image":"{OTHER}"}}'
    left = forget_others(name, 200, content.encode(), b"")
    assert left is not None
    assert left.decode() == f'{{"Id":"{ID}","State":{state.replace(OTHER, "another")},"Image":"{OTHER}"}}'
    assert forget_others(name, 200, b"x", b"") is None


def test_other_errors_stay() -> None:
    for content in (b"", b'{"message":"name conflicts with an existing object: service web already exists"}'):
        assert forget_others("ServiceCreate", 409, content, b"") == content


@pytest.mark.parametrize(
    ("owner", "status", "is_conflict"), [("me", 201, False), ("you", 201, True), ("you", 500, False)]
)
def test_what_another_has_made_is_a_conflict(owner: str, status: int, *, is_conflict: bool) -> None:
    content = json.dumps({"Name": "v", "Labels": {"io.dockerproxy.owner": owner}}).encode()
    assert is_of_another("VolumeCreate", status, content, "me") is is_conflict
    assert not is_of_another("NetworkCreate", status, content, "me")


@pytest.mark.parametrize(("grant", "tells"), [("VolumeCreate", True), ("VolumeCreate: unrestricted", False)])
def test_an_unrestricted_create_is_answered_as_by_the_engine(grant: str, *, tells: bool) -> None:
    """It may use what others have."""
    policy = read_policy(f"sockets: {{me: {{path: /a.sock, allow: [own, {grant}]}}}}", "policy.yaml").sockets[0].policy
    assert all((case.decision.owner == "me") is tells for case in policy.cases["VolumeCreate"])
