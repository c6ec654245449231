"""What the tests of contained archives share: what is granted, how one builds, and which images there are."""

from pathlib import Path

from e2e.engines import Engine
from e2e.programs import Client
from e2e.talk import Answer, ask
from wire.tars import archive_of, item

READS = ["SystemPing", "SystemInfo", "SystemVersion", "ContainerInspect", "ContainerArchiveInfo"]
ALLOWED = [
    *READS,
    "PutContainerArchive",
    {"ImageBuild": {"tags": ["granted/*:*"]}},
]
TAR = {"Content-Type": "application/x-tar"}
STEP = b"FROM busybox\nRUN echo built >/built\n"


def namespace_of(direct: Client, network: str) -> str:
    return direct.run_container("busybox", "readlink", "/proc/self/ns/net", options=(f"--network={network}",))


def remove_image(engine: Engine, name: str) -> None:
    ask(engine.socket, "DELETE", f"/images/{name}?force=1")


def has_image(engine: Engine, name: str) -> bool:
    return ask(engine.socket, "GET", f"/images/{name}/json").status == 200


def build(socket: Path, query: str, content: bytes = archive_of(item("Dockerfile", STEP))) -> Answer:
    return ask(socket, "POST", f"/v1.41/build?{query}", content, TAR)
