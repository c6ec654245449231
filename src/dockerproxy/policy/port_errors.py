"""Errors of a swarm about a port that a service has already: on a socket with `own`, they do not say which.

Attack: ask for a port that another client's service has, to be told the name and ID of that -> Defence: the error names
the port alone (test: test_whose_service_has_a_port_is_not_told).
"""

import re
from typing import Final

PUBLISHING: Final = frozenset({"ServiceCreate", "ServiceUpdate"})
"""Operations that ask for ports of a swarm."""

_WHOSE: Final = re.compile(rb" by service '[A-Za-z0-9_.-]{1,63}' \([0-9a-z]{1,25}\)")
"""Moby/swarmkit manager/controlapi/service.go, checkPortConflicts."""


def forget_services(content: bytes) -> bytes:
    """Return the content of an error without the service that has a port."""
    return _WHOSE.sub(b"", content)
