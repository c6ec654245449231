"""Read `quota` of a socket, and look whether its grants keep to it: what nobody could count is a mistake."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from dockerproxy.api.bodies.tables import SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.demands import read_demand
from dockerproxy.config.document import Fields, Node
from dockerproxy.config.grants import Line
from dockerproxy.config.reader import Reader
from dockerproxy.policy.model import Grant, values_of
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.quota import BOUNDS, CREATES, WORDS, Quota
from dockerproxy.policy.values import is_literal, write_grant
from dockerproxy.policy.vocabulary import UNRESTRICTED, is_of_body

_EXAMPLE: Final = "quota: {containers: 20, memory: 8GiB}"
_BOUNDS: Final = {"memory": "1GiB", "cpus": "1", "pids": "500"}
"""What a grant may say of a container, for hints."""

_MEANT: Final = {
    **dict.fromkeys(("mem", "mem_limit", "memory_limit", "ram"), "did you mean memory?"),
    **dict.fromkeys(("pids_limit", "processes"), "did you mean pids?"),
    **dict.fromkeys(("nano_cpus", "processors", "cores"), "did you mean cpus?"),
    **dict.fromkeys(("images", "disk", "storage", "size"), "remove it; there is no quota of images or of disk space"),
}


def read_quota(reader: Reader, node: Node, socket: str) -> Quota | None:
    """Read a quota; nothing if there is none, or all of it is broken."""
    fields = reader.fields(node, "quota", tuple(WORDS), _EXAMPLE, _MEANT)
    if isinstance(node, Fields) and not node.pairs:
        reader.problem(node.place, "quota is empty", _EXAMPLE)
    texts = {word: read_demand(reader, WORDS[word], each) for word, each in fields.items()}
    most = {word: WORDS[word].most(text) for word, text in texts.items() if text is not None}
    return Quota(most, socket) if most else None


def check_quota(reader: Reader, quota: Quota, node: Node, allow: tuple[Line, ...], deny: Iterable[Line]) -> None:
    """Find grants by which a client gets around a quota. What a group of operations has of these is left out."""
    denied = frozenset[str]().union(*(line.operations for line in deny))
    if not any(OWN in values_of(grant.conditions) for line in allow for grant in line.grants):
        what = f"quota counts what is {OWN}, and no grant says {OWN}"
        reader.problem(node.place, what, f"add {OWN} to allow, or remove quota")
    for line in allow:
        for grant in line.grants:
            for name in sorted(grant.operations - denied):
                for what, hint in _find_problems(quota, line, grant, name):
                    reader.problem(line.place, what, hint)


def _find_problems(quota: Quota, line: Line, grant: Grant, name: str) -> Iterator[tuple[str, str]]:
    is_open, values = UNRESTRICTED in grant.conditions, values_of(grant.conditions)
    evaded = quota.evaded_by(name, is_open=is_open)
    if evaded or (name in SEALED and not is_open):
        if evaded and (is_open or line.word == name):
            contained = name not in SEALED and not quota.evaded_by(name, is_open=False)
            hint = f"remove {UNRESTRICTED.word}" if contained else "use another socket for it, or remove this quota"
            yield f"the quota of {evaded} cannot count what {name} makes", hint
        return
    missing = [word for word in BOUNDS if word in quota.most and word not in values] if name in CREATES else []
    if missing:
        line_with = write_grant(name, {word: _BOUNDS[word] for word in missing})
        yield f"{name} must say {' and '.join(missing)}, of which there is a quota", f"write {line_with}"
    listed: Mapping[str, object] = values if is_of_body(OPERATIONS[name], "volumes") else {}
    if "volumes" in quota.most and "volumes" in listed and not is_literal(values["volumes"]):
        what = f"volumes of {line.word} has a pattern, by which volumes are made that no quota counts"
        yield what, "list names; what is own needs no word"
