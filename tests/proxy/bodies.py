"""Requests with a body that decides, and a policy under which some of them are allowed."""

import asyncio

from policy.policies import grant_on, policy_with
from proxy.harness import Wire, World, request
from proxy.lookups import answer
from waiting import PATIENCE

from dockerproxy.policy.model import Grant, Mode
from dockerproxy.policy.vocabulary import UNRESTRICTED

TARGET = "/v1.45/containers/create?name=x"
BODY = b'{"image": "busybox", "hostConfig": {"memory": 9007199254740993}}'
UNDERSTOOD = b'{"Image":"docker.io/library/busybox","HostConfig":{"Memory":9007199254740993,"CapDrop":["MKNOD"]}}'
DENIED = b'{"Image": "busybox", "HostConfig": {"Privileged": true}}'
TWO_VOLUMES = b'{"Image":"docker.io/library/busybox","HostConfig":{"Binds":["data:/d","more:/m"],"CapDrop":["MKNOD"]}}'
TWO_UNFILLED = (
    b'{"Image":"docker.io/library/busybox","HostConfig":{"Binds":[],"CapDrop":["MKNOD"],"Mounts":['
    b'{"Type":"volume","Source":"data","Target":"/d","ReadOnly":false,"VolumeOptions":{"NoCopy":true}},'
    b'{"Type":"volume","Source":"more","Target":"/m","ReadOnly":false,"VolumeOptions":{"NoCopy":true}}]}}'
)
"""The same where these volumes were there before (`plans/creating`)."""

OUTSIDE = {"Swarm": {"LocalNodeState": "inactive"}}
"""What an engine says of itself that is in no swarm."""


def contained(operation: str, *objects: str, **words: object) -> Grant:
    """Return a grant that looks at bodies."""
    grant = grant_on(operation, *objects, **words)  # type: ignore[arg-type] # words of bodies take lists
    return grant._replace(conditions=tuple(each for each in grant.conditions if each != UNRESTRICTED))


GRANTS = (
    contained("ContainerCreate", volumes=("data", "more")),
    contained("ContainerExec", "web"),
    contained("ExecStart", "web"),
    grant_on("SystemPing"),
)
CONTAINED = policy_with(*GRANTS)
REPORTING = policy_with(*GRANTS, mode=Mode.REPORT)


def create(
    body: bytes = BODY, *fields: str, chunked: bool = False, length: int | None = None, target: str = TARGET
) -> bytes:
    """Write a request that makes a container."""
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body) if length is None else length}"
    coded = b"".join(b"%x\r\n%c\r\n" % (1, byte) for byte in body) + b"0\r\n\r\n" if chunked else body
    return request("POST", target, "Content-Type: application/json", framing, *fields, body=coded)


def is_untouched(here: World) -> bool:
    """Whether nobody has connected to the engine, as far as the test has not taken note of it."""
    return here.arrivals.empty()


async def whole(engine: Wire) -> tuple[bytes, bytes]:
    """Return the head and the body of a request, which must have a length."""
    head = await engine.head()
    assert b"transfer-encoding" not in head
    [length] = [int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    return head, await engine.exactly(length)


def volume(name: str, **fields: object) -> bytes:
    """Write what the engine says of a volume."""
    return answer({"Name": name, "Driver": "local", "Options": None, **fields})


async def has_taken(here: World, size: int) -> None:
    """Wait until the proxy has taken so much of bodies, from all clients together."""

    async def wait() -> None:
        while True:
            if sum(client.account.received for client in here.clients) >= size:
                return
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), PATIENCE)
