"""Metrics of all sockets: finished exchanges, and resources in use."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from dockerproxy.api.catalog import OPERATIONS, Shape
from dockerproxy.observe.exposition import Family, Kind
from dockerproxy.observe.metrics import BOUNDS, CUT, ENGINE_ERRORS, OTHER, TURNED_AWAY, Count, Counts
from dockerproxy.observe.record import Outcome
from dockerproxy.proxy.sockets import SocketState

_ANSWERED: Final = frozenset({Outcome.ALLOWED, Outcome.REPORTED})
"""Outcomes of requests that reached the engine."""

_NO_OPERATION: Final = "unknown"


class Measured(NamedTuple):
    """A served socket.

    Attributes:
        state: Its state.
        counts: Counts of its finished exchanges.
        digest: Digest of its policy.
        since: When its policy was read, in seconds since 1970.
    """

    state: SocketState
    counts: Counts
    digest: str
    since: float


def collect(sockets: Sequence[Measured]) -> Iterator[Family]:
    """Yield the metrics of sockets."""
    states = [each.state for each in sockets]
    yield from _collect_exchanges(sockets)
    yield from _collect_use(states)
    info = Family("dockerproxy_policy_info", Kind.GAUGE, "Digest and mode of the policy of a socket; always 1.")
    since = Family("dockerproxy_policy_loaded_timestamp_seconds", Kind.GAUGE, "When the policy was read, since 1970.")
    for each in sockets:
        info.add(1, socket=each.state.name, digest=each.digest, mode=each.state.policy.policy.mode_word)
        since.add(each.since, socket=each.state.name)
    yield from (info, since)


def _collect_exchanges(sockets: Sequence[Measured]) -> Iterator[Family]:
    requests = Family("dockerproxy_requests", Kind.COUNTER, "Finished requests, by decision.")
    received = Family("dockerproxy_received_bytes", Kind.COUNTER, "Bytes of bodies and tunnels from clients.")
    sent = Family("dockerproxy_sent_bytes", Kind.COUNTER, "Bytes of answers and tunnels to clients.")
    lasted = Family(
        "dockerproxy_request_duration_seconds", Kind.HISTOGRAM, "From a request's head to the end of its answer."
    )
    away = Family("dockerproxy_turned_away", Kind.COUNTER, "Requests that did not pass, by reason.")
    errors = Family("dockerproxy_engine_errors", Kind.COUNTER, "Requests that the engine failed to answer.")
    asked = Family("dockerproxy_asked", Kind.COUNTER, "Requests that a person was asked about, by result.")
    for each in sockets:
        name_of_socket, counts = each.state.name, each.counts
        for answer, number in sorted(counts.asked.items()):
            asked.add(number, socket=name_of_socket, answer=answer)
        shapes = {shape: Count() for shape in Shape}
        for (name, decision), count in sorted(counts.counts.items()):
            labels = {"socket": name_of_socket, "operation": name or _NO_OPERATION}
            requests.add(sum(count.buckets), **labels, decision=decision)
            received.add(count.received, **labels, decision=decision)
            sent.add(count.sent, **labels, decision=decision)
            if decision in _ANSWERED and name in OPERATIONS:
                whole = shapes[OPERATIONS[name].shape]
                whole.buckets = [one + other for one, other in zip(whole.buckets, count.buckets, strict=True)]
                whole.milliseconds += count.milliseconds
        for shape, whole in shapes.items():
            lasted.add_histogram(BOUNDS, whole.buckets, whole.milliseconds / 1000, socket=name_of_socket, shape=shape)
        # From the start, because Prometheus cannot see the growth of a series that is new.
        for reason in (*TURNED_AWAY.values(), OTHER):
            away.add(counts.turned_away[reason], socket=name_of_socket, reason=reason)
        for reason in (*ENGINE_ERRORS.values(), CUT):
            errors.add(counts.engine_errors[reason], socket=name_of_socket, reason=reason)
    yield from (requests, received, sent, lasted, away, errors, asked)


def _collect_use(states: Sequence[SocketState]) -> Iterator[Family]:
    connections = Family("dockerproxy_connections", Kind.GAUGE, "Connected clients.")
    most = Family("dockerproxy_connections_limit", Kind.GAUGE, "Limit of connected clients.")
    under_way = Family("dockerproxy_requests_in_progress", Kind.GAUGE, "Requests in progress, by shape.")
    held = Family("dockerproxy_buffered_bytes", Kind.GAUGE, "Bytes buffered for clients.")
    for state in states:
        connections.add(len(state.connections), socket=state.name)
        most.add(state.connections.limit, socket=state.name)
        for shape, number in state.usage.count_open().items():
            under_way.add(number, socket=state.name, shape=shape)
        held.add(state.usage.buffered, socket=state.name)
    yield from (connections, most, under_way, held)
