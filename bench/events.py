"""What happens to containers, as an engine tells it: half of them are what the clients of the measured socket created.

First some events, one at a time, each with the moment at which it was sent; then many, as fast as they are taken. Each
is written by itself, as Docker does.
"""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from policy import OWNER

EVENTS: Final = "/v1.45/events"

CONTAINERS: Final = 20
SINGLE: Final = 200
MANY: Final = 20_000
SENDS: Final = SINGLE + MANY
# Seconds between two of the single ones.
PAUSE: Final = 0.002

HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
SENT: Final = b'"timeNano":'

LABELS: Final = "io.dockerproxy.owner", "io.dockerproxy.nonce"
# What Docker says of a container that the clients of the measured sockets created.
CONTAINER: Final = json.loads((Path(__file__).parent / "container.json").read_text())
CONTAINER["Config"]["Labels"] |= dict(zip(LABELS, (OWNER, "0" * 32), strict=True))


def labels_of(number: int) -> dict[str, str]:
    """Give the labels of a container; every other one is somebody else's."""
    return {**CONTAINER["Config"]["Labels"], LABELS[0]: OWNER if number % 2 else "somebody"}


def inspect(number: int) -> str:
    """Write what an engine says of a container."""
    config = {**CONTAINER["Config"], "Labels": labels_of(number)}
    return json.dumps({**CONTAINER, "Id": f"{number:064x}", "Config": config})


def answers() -> Iterator[tuple[str, str]]:
    """Yield what the engine is asked about the containers, their image and all images, with what it says."""
    for number in range(CONTAINERS):
        yield f"/v1.45/containers/{number:064x}/json", inspect(number)
    yield f"/images/{CONTAINER['Image']}/json", json.dumps({"Config": {"Labels": None}})
    yield "/images/json", "[]"


def write_event(number: int) -> bytes:
    """Write an event of a container, as a chunk."""
    container = f"{number % CONTAINERS:064x}"
    labels = labels_of(number % CONTAINERS)
    event = {
        "status": "start",
        "id": container,
        "from": "nginx:stable",
        "Type": "container",
        "Action": "start",
        "Actor": {"ID": container, "Attributes": {**labels, "image": "nginx:stable", "name": f"web-{number}"}},
        "scope": "local",
        "time": 1764000000,
        "timeNano": time.monotonic_ns(),
    }
    line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
    return b"%x\r\n%b\r\n" % (len(line), line)


def send_events(connection: socket.socket) -> None:
    """Tell what happens, to its end."""
    connection.sendall(HEAD)
    for number in range(SINGLE):
        connection.sendall(write_event(number))
        time.sleep(PAUSE)
    many = [write_event(number) for number in range(CONTAINERS)]
    for number in range(MANY):
        connection.sendall(many[number % CONTAINERS])
    connection.sendall(LAST_CHUNK)
