"""Say whether a request would be allowed, why, and what would change it.

  dockerproxy explain GET /v1.45/containers/json
  CONTAINERS=1 dockerproxy explain POST /containers/web/start

exit status: 0 allowed, 1 not allowed, 2 something to mend
"""

import argparse
from collections.abc import Iterator, Mapping

from dockerproxy.config.environment import read_environment
from dockerproxy.errors import Refusal
from dockerproxy.policy.judge import Judged, judge


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a request."""
    parser.add_argument("method", metavar="METHOD", help="GET, HEAD, POST, PUT or DELETE")
    parser.add_argument("target", metavar="TARGET", help="path and query, as a client sends them")


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Explain; 0 if allowed, 1 if not."""
    policy = read_environment(environment).settings.sockets[0].policy
    line = f"{options.method} {options.target} HTTP/1.1\r\nHost: explain\r\n\r\n"
    judged = judge(policy, line.encode(errors="surrogateescape"))
    for name, value in _refused(judged) if isinstance(judged, Refusal) else _explained(judged):
        print(f"{name:<10} {value}")
    return 0 if isinstance(judged, Judged) and judged.decision.allowed else 1


def _refused(refusal: Refusal) -> Iterator[tuple[str, str]]:
    yield "decision", f"refused with {refusal.status}, whatever the settings say"
    yield "reason", refusal.reason


def _explained(judged: Judged) -> Iterator[tuple[str, str]]:
    operation, decision = judged.operation, judged.decision
    yield "request", f"{judged.method} {judged.target}"
    if operation is not None:
        yield "operation", f"{operation.name}: {operation.says}"
        yield "access", f"{operation.access}, in the section {operation.section}"
    yield "decision", "allowed" if decision.allowed else "not allowed"
    yield "setting", decision.source or "none speaks of it"
    if decision.message:
        yield "message", decision.message
    if decision.allowed and operation is not None:
        yield "change", f"DENY={operation.name} would refuse it"
