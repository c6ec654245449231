"""From the bytes of a request head to what goes to the engine, or why nothing does.

The one place where the head, the catalog and the policy meet. Pure, so that the answer to the same bytes can be
remembered.
"""

from dataclasses import dataclass
from typing import Final

from dockerproxy.api.catalog import HEALTH, OPERATIONS, Operation, Shape
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Decision
from dockerproxy.wire.head import Framing, RequestHead, parse_request, write_request

_MULTIPART_READERS: Final = frozenset({"ImageBuild", "BuildCancel"})
"""Where Docker reads parameters from a multipart body (facts: form-body-operations)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A request that has a single reading, and the answer to it.

    Attributes:
        head: The head as understood.
        method: Its method, as text.
        target: The canonical target.
        operation: What the engine would do; None if the catalog does not know it.
        decision: Whether it may.
        to_engine: The head to write to the engine; empty when not allowed.
    """

    head: RequestHead
    method: str
    target: str
    operation: Operation | None
    decision: Decision
    to_engine: bytes

    @property
    def may_tunnel(self) -> bool:
        """Whether the connection may stop being HTTP."""
        return self.operation is not None and self.operation.shape is Shape.TUNNEL

    @property
    def may_last(self) -> bool:
        """Whether the answer is a stream, which may go on for weeks."""
        return self.operation is not None and self.operation.shape is Shape.STREAM

    @property
    def is_health_check(self) -> bool:
        """Whether the answer is ours, made from the engine's ping."""
        return self.operation is HEALTH


def judge(policy: CompiledPolicy, head: bytes) -> Judged | Refusal:
    """Read a request head and decide about it.

    Args:
        policy: Of the socket it came in by.
        head: All bytes up to and including the empty line.
    """
    parsed = parse_request(head)
    if isinstance(parsed, Refusal):
        return parsed
    request = canonicalise(parsed.method.decode(), parsed.target.decode(errors="surrogateescape"))
    if isinstance(request, Refusal):
        return request
    refusal = _refuse_body(parsed, request)
    if refusal is not None:
        return refusal
    decision, target = decide(policy, request), request.target
    return Judged(
        head=parsed,
        method=request.method,
        target=target,
        operation=request.operation,
        decision=decision,
        to_engine=_write(parsed, request.operation, target) if decision.allowed else b"",
    )


def _refuse_body(head: RequestHead, request: CanonicalRequest) -> Refusal | None:
    """Refuse bodies whose type makes the engine read parameters from them, or leave HTTP."""
    kind = head.content_type
    if kind.startswith(b"application/grpc"):
        return Refusal(400, "gRPC is spoken only through the tunnels of /grpc and /session")
    if head.framing is Framing.NONE:
        return None
    if request.operation is HEALTH:
        return Refusal(400, "a health check has no body")
    if b"x-www-form-urlencoded" in kind:
        return Refusal(400, "a form in the body would override the parameters that are judged; put them in the query")
    name = request.operation.name if request.operation else ""
    if b"multipart" in kind and name in _MULTIPART_READERS:
        return Refusal(400, "a multipart body would override the parameters that are judged; put them in the query")
    return None


def _write(head: RequestHead, operation: Operation | None, target: str) -> bytes:
    if operation is HEALTH:
        operation = OPERATIONS["SystemPing"]
        return f"GET {operation.path} HTTP/1.1\r\nhost: dockerproxy\r\nconnection: close\r\n\r\n".encode()
    tunnel = operation is not None and operation.shape is Shape.TUNNEL
    return write_request(head, target.encode(), upgrade=tunnel)
