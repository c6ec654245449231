"""Heads that are judged for the tests: of an operation, with fields, by a policy."""

from api.paths import path_of
from policy.policies import policy_of
from wire.heads import head_of

from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import Judged, judge

EVERYTHING = policy_of(ALLOW=",".join(OPERATIONS))
NOTHING = policy_of(PING="0", VERSION="0", EVENTS="0", LIBPOD_PING="0", LIBPOD_VERSION="0")


def ask(operation: Operation, *fields: str, policy: CompiledPolicy = EVERYTHING, target: str = "") -> Judged | Refusal:
    line = f"{operation.method} {target or path_of(operation)} HTTP/1.1"
    return judge(policy, head_of(*fields, line=line))


def judged(operation: Operation, *fields: str, policy: CompiledPolicy = EVERYTHING, target: str = "") -> Judged:
    found = ask(operation, *fields, policy=policy, target=target)
    assert isinstance(found, Judged), found
    return found
