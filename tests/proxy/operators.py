"""Somebody who reads and answers on the control socket of a proxy under test."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from folders import short_folder
from proxy.harness import World, world
from proxy.stage import until
from waiting import PATIENCE

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy


def asking(*allow: object, **keys: object) -> CompiledPolicy:
    """Return the policy of a socket in mode ask that allows some lines."""
    socket = {"path": "/x/a.sock", "mode": "ask", "allow": list(allow), **keys}
    return read_policy(json.dumps({"sockets": {"docker": socket}}), "policy.yaml").sockets[0].policy


@dataclass
class Operator:
    """One end of the control socket."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def next(self, kind: str) -> dict[str, Any]:
        """Return the next line of a kind."""
        async with asyncio.timeout(PATIENCE):
            while line := await self.reader.readline():
                read: dict[str, Any] = json.loads(line)
                if read["kind"] == kind:
                    return read
        raise AssertionError(f"cut off before {kind}")

    def answer(self, id_: str, word: str) -> None:
        self.writer.write(json.dumps({"id": id_, "answer": word}).encode() + b"\n")

    async def answer_next(self, word: str) -> dict[str, Any]:
        """Answer the next question; return it."""
        asked = await self.next("asked")
        self.answer(asked["id"], word)
        return asked


@dataclass
class Office:
    """A proxy, and where its operators connect."""

    here: World
    path: str

    async def sit(self, *, answers: bool = True) -> Operator:
        control = self.here.server._shared.control
        before = len(control.readers)
        operator = Operator(*await asyncio.open_unix_connection(self.path))
        await operator.next("hello")
        if answers:
            operator.writer.write(b'{"answers":true}\n')
        await until(lambda: len(control.readers) > before and control._is_answered >= answers, "somebody answers")
        self.here.wires.append(_Leaving(operator))  # type: ignore[arg-type] # it has the one method that counts
        return operator


class _Leaving:
    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    async def close(self) -> None:
        self._operator.writer.close()


@asynccontextmanager
async def office(policy: CompiledPolicy, patience: str = "60") -> AsyncIterator[Office]:
    with short_folder() as folder:
        path = f"{folder}/c.sock"
        async with world(engine=True, policy=policy, CONTROL_SOCKET=path, ASK_TIMEOUT=patience) as here:
            yield Office(here, path)
