"""What goes wrong meanwhile: clients that are hostile, slow or gone, reloads, an engine that stands still."""

import contextlib
import random
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy
from e2e.talk import connect, send_head
from e2e.working import IMAGE, Tools

CREATE = b"POST /containers/create HTTP/1.1\r\nHost: x\r\n"
HOSTILE = [
    b"",
    b"GET /_ping HTTP/1.1\r\nHost: x\r\nX: ",
    b"GET /containers/../json HTTP/1.1\r\nHost: x\r\n\r\n",
    CREATE + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    CREATE + b"Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{",
    b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n" * 500,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET /" + b"x" * 300_000,
]


@dataclass(frozen=True)
class Scene:
    """Where trouble is made.

    Attributes:
        engine: The engine.
        proxy: The proxy, before it.
        tools: Those of the honest socket.
        hostile: A socket of the proxy that only hostile clients have.
        reload: Writes the policy file, with one of some policies for the hostile socket.
        over: Set when it is time to end.
    """

    engine: Engine
    proxy: Proxy
    tools: Tools
    hostile: Path
    reload: Callable[[int], None]
    over: threading.Event


def attack(scene: Scene, chance: random.Random) -> None:
    """Be hostile on a socket of one's own, on many connections, some of which stay for a while."""
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            client = stack.enter_context(connect(scene.hostile))
            with contextlib.suppress(OSError):
                client.sendall(chance.choice(HOSTILE))
        scene.over.wait(chance.random())


def go_away(scene: Scene, chance: random.Random) -> None:
    """Kill a command line in the middle of a stream."""
    docker: Client = scene.tools.docker
    with docker.watch(*chance.choice([("events",), ("logs", "--follow", scene.tools.talker), ("stats",)])):
        scene.over.wait(chance.random())


def stall(scene: Scene, chance: random.Random) -> None:
    """Ask for megabytes and read few of them; then hang up, with a reset or without."""
    with connect(scene.tools.socket) as client:
        send_head(client, f"GET {IMAGE}")
        client.recv(1000)
        scene.over.wait(2 * chance.random())
        if chance.random() < 0.5:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def reload(scene: Scene, chance: random.Random) -> None:
    """Change the policy of the hostile socket, a few times at once."""
    for _ in range(chance.randrange(1, 5)):
        scene.reload(chance.randrange(3))
        scene.proxy.signal(signal.SIGHUP)
    scene.over.wait(chance.random())


def freeze(scene: Scene, chance: random.Random) -> None:
    """Have the engine stand still for a moment: what is asked meanwhile is answered later."""
    scene.engine.signal(signal.SIGSTOP)
    scene.over.wait(chance.random())
    scene.engine.signal(signal.SIGCONT)
    scene.over.wait(5)


TROUBLES: tuple[Callable[[Scene, random.Random], None], ...] = (attack, go_away, stall, reload, freeze)
