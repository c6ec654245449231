"""Read `quota` of a socket, and find grants that bypass it."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from dockerproxy.api.bodies.tables import SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.document import Fields, Node
from dockerproxy.config.grants import Line
from dockerproxy.config.near import HINTS, show
from dockerproxy.config.reader import Reader
from dockerproxy.config.values import Fault
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Bounds, Grant, values_of
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.values import is_literal, write_grant
from dockerproxy.policy.vocabulary import UNRESTRICTED, is_of_body
from dockerproxy.policy.words.spellings import read_count
from dockerproxy.tenancy.quota import BOUNDS, LIMITS, WORDS, Quota

_EXAMPLE: Final = "quota: {containers: 20, volumes: 10}"
_LIMITS: Final = dict(zip(LIMITS, ("1GiB", "500"), strict=True))
"""Examples for hints."""


def read_quota(reader: Reader, node: Node, socket: str) -> tuple[Quota, Bounds]:
    """Read a quota without its invalid parts: of own objects, and what needs no `own`."""
    fields = reader.fields(node, "quota", (*WORDS, *BOUNDS), _EXAMPLE, HINTS["quota"])
    if isinstance(node, Fields) and not node.pairs:
        reader.problem(node.place, "quota is empty", _EXAMPLE)
    read = {word: reader.value(each, word, partial(_read_most, word)) for word, each in fields.items()}
    most = {word: number for word, number in read.items() if number is not None}
    bounds = {word: most.pop(word) for word in BOUNDS if word in most}
    return Quota(most, socket), Bounds(**bounds)


def _read_most(word: str, text: str) -> int | Fault:
    form = "a whole number above 0 is needed; to have none, do not allow it"
    return read_count(text) or Fault(f"invalid {word} {show(text)}", form)


def check_quota(reader: Reader, quota: Quota, node: Node, allow: tuple[Line, ...], deny: Iterable[Line]) -> None:
    """Find grants that bypass a quota. Groups of operations leave these out."""
    denied = frozenset[str]().union(*(line.operations for line in deny))
    if not any(OWN in values_of(grant.conditions) for line in allow for grant in line.grants):
        what = f"quota counts own objects, but no grant is {OWN}"
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
        if evaded and (is_open or name in {"ServiceCreate", line.word}):
            contained = name not in SEALED and not quota.evaded_by(name, is_open=False)
            hint = "use another socket for it, deny it, or remove this quota"
            yield f"{name} bypasses the quota of {evaded}", f"remove {UNRESTRICTED.word}" if contained else hint
        return
    listed: Mapping[str, object] = values if is_of_body(OPERATIONS[name], "volumes") else {}
    if "volumes" in quota.most and "volumes" in listed and not is_literal(values["volumes"]):
        what = f"volumes of {line.word} has a pattern, so clients can make volumes that no quota counts"
        yield what, "list names; own volumes need no word"


def check_limits(reader: Reader, node: Node, policy: CompiledPolicy) -> None:
    """Find create grants that do not limit each container, as a quota of containers needs."""
    if "containers" not in policy.policy.tenancy.most:
        return
    for name in ("ContainerCreate", "ContainerUpdate"):
        for case in policy.cases[name]:
            missing = {word: limit for word, limit in _LIMITS.items() if word not in case.by_word}
            if missing:
                what = f"quota of containers needs {' and '.join(missing)} in {case.source}"
                reader.problem(node.place, what, f"write {write_grant(name, missing)}, or deny {name}")
