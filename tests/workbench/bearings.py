"""Requests that are tried on a socket, and what is said to turn the decision."""

import json

from cli.files import sockets_of

from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.bearing import find_change
from dockerproxy.workbench.trying import Tried, try_request


def tried_on(policy: SocketSettings, method: str, target: str) -> Tried:
    tried = try_request(policy.policy, method, target)
    assert isinstance(tried, Tried)
    return tried


def try_body(text: str, method: str, target: str, body: object = None) -> Tried:
    content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    tried = try_request(sockets_of(text)["ci"].policy, method, target, content)
    assert isinstance(tried, Tried)
    return tried


def changes(socket: SocketSettings, tried: Tried) -> list[str]:
    return [text for _, text in find_change(socket.policy.policy, tried, socket.name, "policy.yaml")]
