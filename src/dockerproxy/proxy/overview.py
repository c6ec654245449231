"""An overview for operators: sockets, connections, exchanges in progress, and what a reload changes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, cast

from dockerproxy.observe.record import Outcome
from dockerproxy.policy.differences import digest, find_changes
from dockerproxy.proxy.accounting import say
from dockerproxy.proxy.client import Client
from dockerproxy.proxy.metrics import Measured
from dockerproxy.proxy.sockets import SocketState
from dockerproxy.settings import Level, SocketSettings
from dockerproxy.text import lower

MOST_TOLD: Final = 1000
"""Connections to describe. Of more, only the number is given: this takes some milliseconds."""


def describe_open(sockets: Sequence[Measured], wall: float, now: float, most: int = MOST_TOLD) -> dict[str, object]:
    """Describe sockets and connections, busy connections first.

    Args:
        sockets: The served sockets.
        wall: Seconds since 1970.
        now: By the clock of the data path.
        most: The number of connections to describe.
    """
    clients = [cast("Client", one) for each in sockets for one in each.state.connections]
    clients.sort(key=lambda client: client.exchange.judged is None)
    return {
        "time": wall,
        "sockets": [{**_describe_socket(each), "policy": each.digest, "since": each.since} for each in sockets],
        "connections": [_describe_client(client, wall - now) for client in clients[:most]],
        "more": max(0, len(clients) - most),
    }


def _describe_socket(measured: Measured) -> dict[str, object]:
    state, ended = measured.state, Counter[str]()
    for (_, decision), count in measured.counts.counts.items():
        ended[decision] += sum(count.buckets)
    return {
        "name": state.name,
        "mode": state.policy.policy.mode_word,
        "connections": len(state.connections),
        "exchanges": ended,
    }


def _describe_client(client: Client, epoch: float) -> dict[str, object]:
    account, judged = client.account, client.exchange.judged
    peer = account.peer._asdict()
    described = {"socket": client.socket.name, "id": client.number, **peer, "since": epoch + account.begun}
    if judged is None:
        return described
    method, target, operation, name, _, _ = say(judged, Outcome.ALLOWED)
    said = {"method": method, "target": target, "operation": operation, "object": name}
    more = {"shape": judged.operation.shape, "state": lower(client.exchange.state.name)}
    return {**described, **said, **more, "received": account.received, "sent": account.sent}


class Comparison(NamedTuple):
    """A policy compared with the former one of its socket.

    Attributes:
        digest: Its digest.
        says: Messages for the log.
    """

    digest: str
    says: list[tuple[Level, str]]


def compare(states: Mapping[str, SocketState], wanted: Mapping[str, SocketSettings]) -> dict[str, Comparison]:
    """Find gained and lost operations of each socket, the digest of its policy, and mounts that now nest, by path."""
    compared = {}
    for path, new in wanted.items():
        name, digits, state = f"socket {new.name}:", digest(new.policy), states.get(path)
        lines = find_changes(state.policy, new.policy).lines() if state else [f"new, on {path}"]
        says = [(Level.NOTICE, f"{name} {line}") for line in (*lines, f"policy {digits}")]
        nested = state.find_nested(new.policy) if state else ()
        compared[path] = Comparison(digits, [*says, *((Level.WARNING, f"{name} {warning}") for warning in nested)])
    return compared
