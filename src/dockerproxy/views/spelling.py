"""What the engine says of mounts, in the names of the client: directories as its `paths` call them.

Where an inspection or a list has paths of the host, those that the client has a name for are written so. A part of a
volume of ours is shown as the bind that the client asked for (`policy/subtrees`), and these volumes are in no list. All
else stays byte for byte. Without it, a client that makes a container anew from its inspection would name what no grant
lists.

Attacks: docs/attacks.md, views/spelling.
"""

import json
from collections.abc import Callable, Mapping

from dockerproxy.api.answers import SPELLED, Node, grow_answer
from dockerproxy.policy.places import Places
from dockerproxy.policy.subtrees import leave_out, show_binds
from dockerproxy.views.cutter import AS_IT_CAME, Edits, Walk, cut


def respell(name: str, places: Places, content: bytes) -> bytes | None:
    """Return the content of an answer in the client's names; None if it cannot be read."""

    def spell(path: str) -> str:
        return places.of_client(path) or path

    def spell_bind(bind: str) -> str:
        source, colon, rest = bind.partition(":")
        return f"{spell(source)}{colon}{rest}" if source.startswith("/") else bind

    def spell_mounts(text: str) -> str | None:
        return Walk(show_binds(text), mounted).reduce(0, _grow("MOUNTED"), 0)[0]

    mounted: Edits = {**AS_IT_CAME, "path": _rewrite(spell)}
    edits: Edits = {**mounted, "binds": _rewrite(spell_bind), "mounts": spell_mounts, "volumes": leave_out}
    return cut(content, _grow(SPELLED[name]), edits)


def _grow(table: str) -> Mapping[str, Node]:
    return grow_answer(table, frozenset({"paths"}))


def _rewrite(spell: Callable[[str], str]) -> Callable[[str], str]:
    """Return what writes a text anew, or each of a list of such."""

    def write(text: str) -> str:
        value = json.loads(text)
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in texts):
            return text
        spelled = [spell(each) for each in texts]
        return text if spelled == texts else json.dumps(spelled if isinstance(value, list) else spelled[0])

    return write
