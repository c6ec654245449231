"""Heads that are judged for the tests: of an operation, with fields, by a policy."""

from collections.abc import Callable

from api.paths import path_of
from policy.policies import policy_of
from wire.heads import head_of

from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge, judge_body, judge_object
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.phases import Judged, NeedsBody, NeedsLookup, Verdict

EVERYTHING = policy_of(ALLOW=",".join(OPERATIONS))
NOTHING = policy_of(PING="0", VERSION="0", EVENTS="0", LIBPOD_PING="0", LIBPOD_VERSION="0")


def ask(operation: Operation, *fields: str, policy: CompiledPolicy = EVERYTHING, target: str = "") -> Judged | Refusal:
    line = f"{operation.method} {target or path_of(operation)} HTTP/1.1"
    return judge(policy, head_of(*fields, line=line))


def judged(operation: Operation, *fields: str, policy: CompiledPolicy = EVERYTHING, target: str = "") -> Verdict:
    """Judge a head that is enough to decide."""
    found = ask(operation, *fields, policy=policy, target=target)
    assert isinstance(found, Verdict), found
    return found


def nobody(_: Lookup) -> ResolvedObject | None:
    """An engine that has no objects."""
    return None


def finish(
    judged: Judged | Refusal,
    body: bytes,
    find: Callable[[Lookup], ResolvedObject | None] = nobody,
) -> Verdict | Refusal:
    """Judge a request to its end, with its body and an engine that says what names mean."""
    if isinstance(judged, NeedsBody):
        judged = judge_body(judged, body)
    while isinstance(judged, NeedsLookup):
        judged = judge_object(judged, find(judged.lookup))
    assert not isinstance(judged, NeedsBody)
    return judged
