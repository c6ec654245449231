"""Names that look like object IDs, which would capture lookups of another object.

Engines look for a name before they look for an ID that begins so. So a container called `4f5e1b2c3d4e` would get what
somebody asks of the container with this short ID.

Testcontainers for Node calls each network by 12 random hexadecimal digits. So the engine is asked about the name of a
new network: the name is allowed if no network has an ID that begins so.

Attack: a name that begins the ID of a network that exists -> Defence: the engine finds that network, and the name is
refused (test: test_a_network_is_not_called_like_the_id_of_another_one).
Attack: a name that begins the ID of a network that will exist -> Defence: nobody can guess 12 random digits in advance.
Attack: a whole ID, which a policy may list -> Defence: it is refused without asking
(test: test_a_network_may_be_called_by_digits_that_begin_no_id).
"""

import re
from typing import Final

from dockerproxy.policy.bodies.inspection import Inspection
from dockerproxy.policy.objects import Kind, is_full_id

_MAY_BE_ID: Final = re.compile("[0-9a-f]{12,64}").fullmatch


def captures(seen: Inspection, name: str) -> bool:
    """Whether a new object of this name could get the lookups of another one. The engine may have to be asked first."""
    if not _MAY_BE_ID(name):
        return False
    operation = seen.request.operation
    if operation is None or operation.name != "NetworkCreate" or is_full_id(name):
        return True
    found = seen.ask(Kind.NETWORK, name)
    return found is not None and bool(found.document) and name not in found.names
