"""Which requests are judged at once, and which in the worker's thread.

Judging is pure, so it may run anywhere: a request has the policy that it came under. The client waits
in HELD meanwhile, and what it sends behind the request waits in its inbox.

Attacks: docs/attacks.md, proxy/judging.
"""

import os
from typing import Final

from dockerproxy.policy.model import Mode
from dockerproxy.policy.phases import Phase
from dockerproxy.wire.document import count_parts

_LONG_BODY: Final = 16 * 1024
_MANY_PARTS: Final = 512
"""Of a body that is judged at once, for all cases of its operation together: a port takes three parts and 30 µs. What
makes a container has 200."""


def make_nonce() -> str:
    """Return 16 random bytes in hexadecimal, for the stamp of an object that a request creates."""
    return os.urandom(16).hex()


def is_quick(judged: Phase, content: bytes) -> bool:
    """Whether a request can be judged at once, by its body. Where nothing is refused it is read many times."""
    name = judged.operation.name
    if len(content) > _LONG_BODY or (content and judged.mode is not Mode.ENFORCE):
        return False
    return count_parts(content) * max(1, len(judged.policy.cases.get(name, ()))) <= _MANY_PARTS
