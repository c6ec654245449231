"""Requests that are tried on a socket, and what is said to turn the decision."""

import json
import re

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


def change(text: str, said: list[str]) -> str:
    """Do to a policy file what is said."""
    lines = text.splitlines()
    for number in map(int, re.findall(r"\(policy\.yaml:(\d+)\)", said[0])):
        word = lines[number - 1].partition(": {")[0]
        lines[number - 1] = word if "remove the conditions" in said[0] else ""
    if 'this line to "allow"' in said[0] or "by this line" in said[0]:
        lines.insert(lines.index("    allow:") + 1, f"      {said[1]}")
    if 'this line to "deny"' in said[0]:
        lines += [*([] if "    deny:" in lines else ["    deny:"]), f"      {said[1]}"]
    return "\n".join(lines)
