"""Answers of engines about what another one has already: on a socket with `own`, they do not say who.

Names that are taken are mostly found out before a request goes on. But another client may just be taking one.

Attack: ask for a port that another client's service has, to be told the name and ID of that -> Defence: the error names
the port alone (test: test_whose_service_has_a_port_is_not_told).
Attack: ask for a part of the subnet of another's network, or for a name in the moment in which another gets it ->
Defence: an error has no ID that the client has not sent (test: test_an_error_has_no_id_that_was_not_sent).
Attack: create a volume in that moment, so that the engine answers with the other one -> Defence: what has not the
client's stamp is a conflict (test: test_a_volume_of_another_is_a_conflict).
"""

import re
from http import HTTPStatus
from typing import Final

from dockerproxy.policy.descriptions import read_volume_labels
from dockerproxy.policy.stamps import OWNER

_VOLUMES: Final = frozenset({"VolumeCreate", "VolumeCreateLibpod"})

TELLING: Final = _VOLUMES | {
    *("ContainerCreate", "ContainerCreateLibpod", "ContainerRename", "ContainerRenameLibpod"),
    *("NetworkCreate", "NetworkCreateLibpod", "PodCreateLibpod", "ServiceCreate", "ServiceUpdate"),
}
"""Operations that ask for what somebody may have."""

_WHO: Final = re.compile(
    rb" by service '[A-Za-z0-9_.-]{1,63}' \([0-9a-z]{1,25}\)"  # moby/swarmkit service.go, checkPortConflicts
    rb"|: conflicts with network [0-9a-f]{64} \([^)]*\)"  # moby bridge_linux.go, conflictsWithNetworks
)
_ID: Final = re.compile(rb"[0-9a-f]{12,64}")


def forget_others(content: bytes, sent: bytes) -> bytes:
    """Return the content of an error without who has what was asked for."""
    return _ID.sub(lambda found: found[0] if found[0] in sent else b"...", _WHO.sub(b"", content))


def is_of_another(name: str, status: int, content: bytes, owner: str) -> bool:
    """Whether an engine answers a create with what another client has created."""
    return name in _VOLUMES and status < HTTPStatus.BAD_REQUEST and read_volume_labels(content).get(OWNER) != owner
