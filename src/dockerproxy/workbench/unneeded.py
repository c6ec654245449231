"""Find the lines of a policy that no recorded request needed, without judging each of a million requests.

Of an operation that one line grants, the first request that this line allows tells all. What no line grants tells
nothing (test: test_it_says_the_same_as_if_each_request_were_judged).
"""

from collections.abc import Iterator, Sequence

from dockerproxy.config.grants import Line
from dockerproxy.observe.record import Record
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.usage import Needed


class Unneeded:
    """What recorded requests needed of one socket's policy, as far as it says which lines are used."""

    def __init__(self, socket: SocketSettings, lines: Sequence[Line], most: int) -> None:
        self.socket = socket
        self.is_empty = True
        self._needed = Needed(socket, lines, most)
        self._granting: dict[str, set[int]] = {}
        for index, line in enumerate(lines):
            for name in line.operations:
                self._granting.setdefault(name, set()).add(index)

    def note(self, record: Record, when: float) -> None:
        """Note a request, at so many seconds since 1970."""
        self.is_empty = False
        granting = self._granting.get(record.operation)
        if granting and granting <= self._needed.judge(record, when).keys() and len(granting) == 1:
            del self._granting[record.operation]

    @property
    def left_out(self) -> int:
        """How many requests are not looked at, as too many others are kept: then nothing is said."""
        return self._needed.kinds.left_out

    def find(self) -> Iterator[tuple[Line, str]]:
        """Say which lines are not needed, and what of presets is not."""
        if not self.is_empty:
            yield from self._needed.find_unused()
