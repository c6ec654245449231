"""Errors about ports of a swarm tell nothing of other clients' services."""

import pytest

from dockerproxy.policy.port_errors import forget_services


@pytest.mark.parametrize("how", ["an ingress port", "a host-published port"])
@pytest.mark.parametrize("name", ["web", "a_b.c-1", "x" * 63])
def test_whose_service_has_a_port_is_not_told(how: str, name: str) -> None:
    says = "rpc error: code = InvalidArgument desc = port '80' is already in use"
    told = f'{{"message":"{says} by service \'{name}\' (k3wxf0rzq1v7m2t5c8h4j6n9p) as {how}"}}\n'
    assert forget_services(told.encode()).decode() == f'{{"message":"{says} as {how}"}}\n'


def test_other_errors_stay() -> None:
    for content in (b"", b'{"message":"name conflicts with an existing object: service web already exists"}'):
        assert forget_services(content) == content
