"""A socket being served: its name, its policy, and the answers that were already worked out."""

from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import Judged, judge
from dockerproxy.settings import SocketSettings

_REMEMBERED = 1024
_LONGEST = 2048


class Served:
    """What the clients of one socket share.

    Programs poll: the same bytes come again and again. The answer to a head is a pure function of its bytes and
    the policy, so it is remembered under them. Heads that carry credentials are not kept in memory.

    Attributes:
        name: What the log calls the socket.
    """

    def __init__(self, settings: SocketSettings) -> None:
        self.name = settings.name
        self._policy: CompiledPolicy = settings.policy
        self._known: dict[bytes, Judged] = {}

    def judge(self, head: bytes) -> Judged | Refusal:
        """Decide about a request head."""
        known = self._known.get(head)
        if known is not None:
            return known
        judged = judge(self._policy, head)
        if isinstance(judged, Judged) and len(head) <= _LONGEST and not _has_credentials(judged):
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[head] = judged
        return judged


def _has_credentials(judged: Judged) -> bool:
    return any(name.startswith((b"x-registry", b"authorization", b"cookie")) for name, _ in judged.head.fields)
