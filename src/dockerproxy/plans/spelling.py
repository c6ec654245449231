"""Rewrite the mounts in the engine's answers: paths of the host become the client's names from `paths`.

Inspections and lists show the client's name of each directory that has one. A part of a volume of the proxy is shown as
the bind that the client asked for (`policy/subtrees`), and lists leave these volumes out. The rest stays byte for byte.
Otherwise, a client that recreates a container from its inspection would name paths that no grant lists.

Attacks: docs/attacks.md, plans/spelling.
"""

import json
from collections.abc import Callable, Mapping

from dockerproxy.api.answers import SPELLED, Node, grow_answer
from dockerproxy.policy.places import Places
from dockerproxy.policy.subtrees import leave_out, show_binds
from dockerproxy.response_filters.json_filter import AS_IT_CAME, Edits, cut


def respell(name: str, places: Places, content: bytes) -> bytes | None:
    """Return an answer's content with the client's names; None if it is invalid."""

    def spell(path: str) -> str:
        return places.of_client(path) or path

    def spell_bind(bind: str) -> str:
        source, colon, rest = bind.partition(":")
        return f"{spell(source)}{colon}{rest}" if source.startswith("/") else bind

    def spell_mounts(text: str) -> str:
        left = cut(show_binds(text).encode(errors="surrogateescape"), _grow("MOUNTED"), mounted)
        if left is None:
            raise ValueError(text)
        return left.decode(errors="surrogateescape")

    mounted: Edits = {**AS_IT_CAME, "path": _rewrite(spell)}
    edits: Edits = {**mounted, "binds": _rewrite(spell_bind), "mounts": spell_mounts, "volumes": leave_out}
    return cut(content, _grow(SPELLED[name]), edits)


def _grow(table: str) -> Mapping[str, Node]:
    return grow_answer(table, frozenset({"paths"}))


def _rewrite(spell: Callable[[str], str]) -> Callable[[str], str]:
    """Return an edit that rewrites a string, or each string of a list."""

    def write(text: str) -> str:
        value = json.loads(text)
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in texts):
            return text
        spelled = [spell(each) for each in texts]
        return text if spelled == texts else json.dumps(spelled if isinstance(value, list) else spelled[0])

    return write
