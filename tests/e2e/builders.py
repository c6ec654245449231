"""Sockets on which images may be built, each with names of its own, and clients for them."""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy, running_file
from e2e.talk import ask

Clients: TypeAlias = Callable[[str], Client]
"""Gives a client on the socket with that name."""


class Builders:
    """A proxy with a socket for each name.

    Attributes:
        proxy: Serves them.
        folder: Has their sockets, which are named after them.
    """

    def __init__(self, folder: Path, proxy: Proxy, engine: Engine) -> None:
        self.folder = folder
        self.proxy = proxy
        self._engine = engine

    def clients(self, make_client: partial[Client]) -> Clients:
        """Return what makes a client on each of them, and on the engine's socket for an empty name."""
        return lambda name: make_client(socket=self.folder / f"{name}.sock" if name else self._engine.socket)

    def list_containers(self) -> list[str]:
        """List the containers of the engine. Those of builders are among them."""
        return [each["Id"] for each in ask(self._engine.socket, "GET", "/containers/json?all=1").json()]


def may_build(*names: str, **conditions: Iterable[str]) -> list[object]:
    """Return lines of a policy: images with these names may be built, and more as the conditions of operations say."""
    return [
        {"ImageBuild": {"tags": list(names)}},
        *({name: {"images": list(images)}} for name, images in conditions.items()),
    ]


@contextlib.contextmanager
def running_builders(engine: Engine, allow: Mapping[str, list[object]]) -> Iterator[Builders]:
    """Run a proxy with a socket for each name; at the end, remove what was built through it."""
    sockets = {name: {"path": f"FOLDER/{name}.sock", "allow": lines} for name, lines in allow.items()}
    with running_file(engine.socket, json.dumps({"sockets": sockets})) as (folder, proxy):
        yield Builders(folder, proxy, engine)
    filters = "%7B%22dangling%22%3A%5B%22false%22%5D%2C%22label%22%3A%5B%22dockerproxy.build%22%5D%7D"
    ask(engine.socket, "POST", f"/images/prune?filters={filters}")
