"""Remember what the clients of a socket created, by the IDs in the engine's answers.

Later requests about these objects concern the clients' own objects, whatever their names.
"""

from collections.abc import Collection
from typing import Any, Final

from dockerproxy.observe.record import CREATES, Record
from dockerproxy.policy.objects import KINDS, WORDS, Kind
from dockerproxy.workbench.needs import Need

_MOST: Final = 1024
"""Objects that are remembered. The oldest is forgotten first."""

_SHORT_ID: Final = 12
"""Characters of the shortest ID that clients write."""

_CONTAINERS: Final = WORDS[Kind.CONTAINER]


class Owned:
    """The created objects, by ID and name, and the names that clients chose."""

    def __init__(self) -> None:
        self.chosen: Collection[str] = ()
        self._ids: dict[tuple[str, str], str] = {}
        self._names: dict[tuple[str, str], bool] = {}

    def note(self, record: Record, need: Need) -> None:
        """Note what a request created, or the new name of its object."""
        word = CREATES.get(need.operation.name, "") if record.created else ""
        if not word and need.operation.name == "ContainerRename" and self.owns(record, need):
            word = _CONTAINERS
        if not word:
            return
        if record.created:
            self._ids[word, record.created[:_SHORT_ID]] = record.created
        names = need.values.get("names")
        self._names |= {(word, str(name)): True for name in (names if isinstance(names, tuple) else ())}
        self._forget()
        self.chosen = frozenset(name for (_, name), is_chosen in self._names.items() if is_chosen)

    def owns(self, record: Record, need: Need) -> bool:
        """Whether the object of a request was created here."""
        kind = KINDS.get(need.operation.name)
        if kind is None or not need.named:
            return False
        if kind is Kind.EXEC:
            return self._ids.get(("execs", need.named[:_SHORT_ID])) == need.named
        word = WORDS[kind]
        whole = self._ids.get((word, need.named[:_SHORT_ID]), "")
        by_id = len(need.named) >= _SHORT_ID and whole.startswith(need.named)
        if by_id and record.object:
            self._names.setdefault((word, record.object), False)
            self._forget()
        return by_id or (word, record.object or need.named) in self._names

    def owns_all(self, word: str, names: object) -> bool:
        """Whether all objects that a body names under a word were created here."""
        return isinstance(names, tuple) and all((word, name) in self._names for name in names)

    def _forget(self) -> None:
        forget_oldest(self._ids, _MOST)
        forget_oldest(self._names, _MOST)


def forget_oldest(known: dict[Any, Any], most: int) -> None:
    """Forget the oldest items, so that at most `most` remain."""
    while len(known) > most:
        del known[next(iter(known))]
