"""An engine that keeps containers, networks and volumes, and lets a test say when it acts and when it answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qs

from proxy.bodies import OUTSIDE
from proxy.harness import Wire, World, request, world
from proxy.lookups import answer

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy

IMAGE = f"sha256:{'4f' * 32}"

Gate = Callable[[str, str], Awaitable[None]]
"""Waits, as long as a test wants it, before the engine acts on a request, or `after` that before it answers."""


async def open_gate(_when: str, _target: str) -> None:
    """Let everything pass."""


def quota_policy(quota: str, more: str = "", mode: str = "enforce") -> CompiledPolicy:
    """Return the policy of a socket with a quota."""
    text = f"""
sockets:
  ci:
    path: /ci.sock
    mode: {mode}
    quota: {quota}
    allow:
      - own
      - ContainerCreate: {{images: ["**"], memory: 2GiB, cpus: 1, pids: 100}}
      - NetworkCreate
      - VolumeCreate
      {more}
"""
    return read_policy(text, "policy.yaml").sockets[0].policy


class Standing:
    """The engine.

    Attributes:
        containers, networks, volumes: What there is, by id or name, as inspections have it.
        asked: Lines of all requests, in the order in which they came.
        gate: What they wait for.
        answers: What some targets are answered with, whatever there is.
    """

    def __init__(self, gate: Gate = open_gate) -> None:
        self.containers: dict[str, dict[str, Any]] = {}
        self.networks: dict[str, dict[str, Any]] = {}
        self.volumes: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.gate = gate
        self.answers: dict[str, bytes] = {}
        self._count = 0

    async def serve(self, wire: Wire) -> None:
        """Answer all requests of a connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await wire.reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0] or 0)
                body = json.loads(await wire.reader.readexactly(length) or b"{}")
                method, target, _ = head.partition("\r\n")[0].split(" ")
                self.asked.append(f"{method} {target}")
                path, _, query = target.partition("?")
                await self.gate("before", target)
                status, content = self._act(method, path, parse_qs(query), body)
                await self.gate("after", target)
                await wire.send(self.answers.get(path) or answer(content, status, ends=False))
                if "connection: close" in head.lower():
                    wire.end()

    def _act(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[str, Any]:
        section, _, rest = path.lstrip("/").partition("/")
        if path == "/containers/create" or rest == "create":
            return "201 Created", self._make(section, body)
        if section == "info":
            return "200 OK", OUTSIDE
        if section == "images":
            return "200 OK", {"Id": IMAGE, "Config": {"Labels": {}}}
        found: dict[str, dict[str, Any]] = getattr(self, section)
        if not rest or path == "/containers/json":
            wanted = json.loads(query["filters"][0])["label"][0].partition("=") if query else ()
            shown = [each for each in found.values() if not wanted or each["Labels"].get(wanted[0]) == wanted[2]]
            return "200 OK", {"Volumes": shown} if section == "volumes" else shown
        name = rest.partition("/")[0]
        if name not in found:
            return "404 Not Found", {"message": "no"}
        if method == "DELETE":
            del found[name]
        return "200 OK", {**found[name], "Names": None} if method == "GET" else {}

    def _make(self, section: str, body: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        identity, labels = f"{self._count:064x}", body.get("Labels") or {}
        if section == "containers":
            self.containers[identity] = {
                "Id": identity,
                "Name": f"/c{self._count}",
                "Image": IMAGE,
                "ImageID": IMAGE,
                "Names": [f"/c{self._count}"],
                "HostConfig": body["HostConfig"],
                "Labels": labels,
                "Config": {"Labels": labels},
            }
        elif section == "networks":
            self.networks[identity] = {"Id": identity, "Name": body["Name"], "Labels": labels}
        else:
            name = body.get("Name") or identity
            return self.volumes.setdefault(name, {"Name": name, "Driver": "local", "Labels": labels})
        return {"Id": identity}


@asynccontextmanager
async def counting(policy: CompiledPolicy, gate: Gate = open_gate) -> AsyncIterator[tuple[World, Standing]]:
    """A proxy before such an engine."""
    async with world(policy=policy) as here:
        engine, serving = Standing(gate), list[asyncio.Task[None]]()

        async def accept() -> None:
            while True:
                serving.append(asyncio.ensure_future(engine.serve(await here.arrivals.get())))

        accepting = asyncio.ensure_future(accept())
        try:
            yield here, engine
        finally:
            for task in (accepting, *serving):
                task.cancel()
            await asyncio.gather(accepting, *serving, return_exceptions=True)


def post(target: str, **body: object) -> bytes:
    """Write a request with a body."""
    content = json.dumps(body).encode()
    fields = ("Content-Type: application/json", f"Content-Length: {len(content)}")
    return request("POST", target, *fields, body=content)


def create(**host: object) -> bytes:
    """Write a create of a container."""
    return post("/containers/create", Image="busybox", HostConfig=host)


async def ask(here: World, data: bytes) -> tuple[int, str]:
    """Send a request on a connection of its own; return status and message, or what was made."""
    client = await here.connect()
    await client.send(data)
    status, body = await client.answer()
    await client.close()
    content = json.loads(body or b"{}")
    return status, content.get("message") or content.get("Id") or ""
