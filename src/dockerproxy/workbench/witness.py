"""A request that one socket lets through and another does not: found by trying, and decided by both before it is shown.

No engine is asked. Each object that a request names is taken to be there, called what the request calls it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final, NamedTuple

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge, judge_body, judge_object
from dockerproxy.policy.model import values_of
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject
from dockerproxy.policy.phases import NeedsBody, NeedsLookup, Verdict
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.examples import list_examples
from dockerproxy.workbench.forms import Example
from dockerproxy.workbench.proof import Doubt
from dockerproxy.workbench.trying import take_for_name

_MOST_TRIED: Final = 1000
"""Requests that are tried for one doubt. Each takes some tenths of a millisecond."""

_MOST_LOOKUPS: Final = 100
"""More than a request can raise."""

_NO_SOCKET: Final = "the socket does not exist"

_DOCUMENTS: Final[Mapping[Kind, Mapping[str, object]]] = {
    Kind.CONTAINER: {"hostconfig": {"NetworkMode": "default", "PidMode": "", "IpcMode": "private"}},
    Kind.VOLUME: {"driver": "local"},
    Kind.EXEC: {"processconfig": {"entrypoint": "true", "arguments": [], "privileged": False, "user": "1000:1000"}},
}
"""What an engine says of an ordinary object; of others but what they are called."""


class Witness(NamedTuple):
    """A request that the new policy lets through, why the old one does not, and the objects that were asked for."""

    example: Example
    now: Verdict
    before: str
    asked: tuple[Lookup, ...]


def find_witness(
    old: SocketSettings | None, new: SocketSettings, doubt: Doubt, most: int = _MOST_TRIED
) -> Witness | None:
    """Return a request that shows what is doubted; None if none of those that were tried does."""
    for example in islice(_list_examples(old, doubt), most):
        now, asked = decide_example(new.policy, example, new.policy.owner)
        if isinstance(now, Refusal) or not now.passes:
            continue
        was, more = (None, ()) if old is None else decide_example(old.policy, example, new.policy.owner)
        if was is None or isinstance(was, Refusal):
            why = _NO_SOCKET if was is None else was.reason
        elif was.passes:
            continue
        else:
            why = was.decision.reason or was.decision.message
        return Witness(example=example, now=now, before=why, asked=tuple(dict.fromkeys((*asked, *more))))
    return None


def _list_examples(old: SocketSettings | None, doubt: Doubt) -> Iterator[Example]:
    if doubt.case is not None:
        cases = () if old is None else old.policy.cases[doubt.what]
        others = [values_of(case.conditions) for case in cases]
        yield from list_examples(OPERATIONS[doubt.what], values_of(doubt.case.conditions), others)
    elif doubt.what == "mode":
        for operation in OPERATIONS.values():
            yield from islice(list_examples(operation, {}, ()), 1)


def decide_example(
    policy: CompiledPolicy, example: Example, owner: str
) -> tuple[Verdict | Refusal, tuple[Lookup, ...]]:
    """Decide about a request as `serve` does; return also what the engine was asked."""
    asked: list[Lookup] = []
    judged = judge(policy, _write_head(example))
    for _ in range(_MOST_LOOKUPS):
        if isinstance(judged, NeedsBody):
            judged = judge_body(policy, judged, example.body or b"", "example")
        elif isinstance(judged, NeedsLookup):
            asked.append(judged.lookup)
            judged = judge_object(policy, judged, _find(judged.lookup, example, owner))
        else:
            return judged, tuple(asked)
    raise TypeError(example)


def _write_head(example: Example) -> bytes:
    body = example.body
    fields = "" if body is None else f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{example.method} {example.target} HTTP/1.1\r\nHost: dockerproxy\r\n{fields}\r\n".encode()


def _find(lookup: Lookup, example: Example, owner: str) -> ResolvedObject:
    """Answer as an engine that has an object of that name."""
    found = take_for_name(lookup)
    return replace(
        found,
        belongs_to=owner if example.is_own else "",
        document=_DOCUMENTS.get(lookup.kind, {"name": lookup.name}),
        labels=example.labels,
    )
