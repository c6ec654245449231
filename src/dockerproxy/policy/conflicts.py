"""Answers of engines about what another one has already: on a socket with `own`, they do not say who.

Names that are taken are mostly found out before a request goes on. But another client may just be taking one.

Attack: ask for a port that another client's service has, to be told the name and ID of that -> Defence: the error names
the port alone (test: test_whose_service_has_a_port_is_not_told).
Attack: ask for a part of the subnet of another's network, the name of a step of another's build, an address on the
default network, or a name a moment too late -> Defence: an error has no ID that was not sent (test:
test_an_error_has_no_id_that_was_not_sent). Nor has what Podman keeps of one in the container (test:
test_why_a_container_did_not_start_names_no_other).
Attack: create a volume in that moment, so that the engine answers with the other one -> Defence: what has
not the client's stamp is a conflict (test: test_what_another_has_made_is_a_conflict).
Attack: attach to a container that cannot start, which Podman before 5.4 tries then -> Defence: so has that error (test:
test_why_a_client_is_not_attached_names_no_other).
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from dockerproxy.api.answers import REST, Node
from dockerproxy.policy.descriptions import has_labels
from dockerproxy.policy.hiding import cut
from dockerproxy.policy.stamps import OWNER

INSPECTING: Final = frozenset({"ContainerInspect", "ContainerInspectLibpod"})
"""Those that say why a container did not start."""

ATTACHING: Final = frozenset({"ContainerAttach", "ContainerAttachLibpod"})
"""Those for which Podman before 5.4 puts a container that does not run on its networks."""

TELLING: Final = (INSPECTING | ATTACHING).union(
    ("ContainerCreate", "ContainerRename", "NetworkConnect", "NetworkCreate", "VolumeCreate"),
    ("ContainerRestart", "ContainerRestartLibpod", "ContainerStart", "ContainerStartLibpod"),
    ("ImageDeleteLibpod", "ServiceCreate", "ServiceUpdate"),
)
"""Those, all that ask for names, addresses or ports, which others may have, and one that says who uses an image."""

_WHO: Final = re.compile(
    rb" by service '[A-Za-z0-9_.-]{1,63}' \([0-9a-z]{1,25}\)"  # moby/swarmkit service.go, checkPortConflicts
    rb"|: conflicts with network [0-9a-f]{64} \([^)]*\)"  # moby bridge_linux.go, conflictsWithNetworks
)
_ID: Final = re.compile(rb"(?:(?<![0-9A-Za-z])|(?<=\\[nrt]))(?<!sha256:)[0-9a-f]{12,64}(?![0-9A-Za-z])")
"""Not the digest of an image, but also what follows a character that JSON escapes."""

_FAILED: Final[Mapping[str, Node]] = {
    "State": {"Error": lambda text: forget_ids(text.encode(errors="surrogateescape"), b"").decode(), REST: str},
    REST: str,
}


def forget_others(name: str, status: int, content: bytes, sent: bytes) -> bytes | None:
    """Return the content of an answer; if it is an error, without who has what was asked for.

    None if it cannot be read.
    """
    if status < HTTPStatus.BAD_REQUEST:
        return cut(content, _FAILED) if name in INSPECTING else content
    return forget_ids(content, sent)


def forget_ids(content: bytes, sent: bytes) -> bytes:
    """Return an error without who has what was asked for, whose ID was not sent."""
    return _ID.sub(lambda found: found[0] if found[0] in sent else b"another", _WHO.sub(b"", content))


def is_of_another(name: str, status: int, content: bytes, owner: str) -> bool:
    """Whether an engine answers a create with what another client has created."""
    return name == "VolumeCreate" and status < HTTPStatus.BAD_REQUEST and not has_labels(content, {OWNER: owner})
