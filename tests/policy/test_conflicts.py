"""What engines say of what is taken tells nothing of other clients."""

import json

import pytest

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.conflicts import forget_others, is_of_another

ID, OTHER = "0123456789ab" * 5 + "cdef", "fedcba987654" * 5 + "3210"


@pytest.mark.parametrize("how", ["an ingress port", "a host-published port"])
@pytest.mark.parametrize("name", ["web", "a_b.c-1", "x" * 63])
def test_whose_service_has_a_port_is_not_told(how: str, name: str) -> None:
    says = "rpc error: code = InvalidArgument desc = port '80' is already in use"
    told = f'{{"message":"{says} by service \'{name}\' (k3wxf0rzq1v7m2t5c8h4j6n9p) as {how}"}}\n'
    assert forget_others(told.encode(), b"").decode() == f'{{"message":"{says} as {how}"}}\n'


@pytest.mark.parametrize(
    "says",
    [
        f'Conflict. The container name \\"/c\\" is already in use by container \\"{OTHER}\\". You have to remove it.',
        f"cannot create network {ID} (br-{ID[:12]}): conflicts with network {OTHER} (br-{OTHER[:12]}): overlapping",
        f"cannot create network {ID} (br-{ID[:12]}): conflicts with network {OTHER} (shop0): overlapping IPv4",
        f'creating container storage: the container name "c" is already in use by {OTHER}. You have to remove it',
    ],
)
def test_an_error_has_no_id_that_was_not_sent(says: str) -> None:
    told = forget_others(says.encode(), f"GET /{ID}".encode()).decode()
    assert not any(part in told for part in (OTHER[:12], "shop0"))
    assert (ID in says) is (ID in told)
    assert forget_others(says.encode(), says.encode()).decode().count(OTHER) == says.count(f"by {OTHER}") + (
        f'\\"{OTHER}' in says
    )


def test_other_errors_stay() -> None:
    for content in (b"", b'{"message":"name conflicts with an existing object: service web already exists"}'):
        assert forget_others(content, b"") == content


@pytest.mark.parametrize(
    ("owner", "status", "is_conflict"), [("me", 201, False), ("you", 201, True), ("you", 500, False)]
)
def test_a_volume_of_another_is_a_conflict(owner: str, status: int, *, is_conflict: bool) -> None:
    content = json.dumps({"Name": "v", "Labels": {"io.dockerproxy.owner": owner}}).encode()
    assert is_of_another("VolumeCreate", status, content, "me") is is_conflict
    assert not is_of_another("NetworkCreate", status, content, "me")


@pytest.mark.parametrize(("grant", "tells"), [("VolumeCreate", True), ("VolumeCreate: unrestricted", False)])
def test_an_unrestricted_create_is_answered_as_by_the_engine(grant: str, *, tells: bool) -> None:
    """It may use what others have."""
    policy = read_policy(f"sockets: {{me: {{path: /a.sock, allow: [own, {grant}]}}}}", "policy.yaml").sockets[0].policy
    assert all((case.decision.owner == "me") is tells for case in policy.cases["VolumeCreate"])
