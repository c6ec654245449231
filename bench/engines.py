"""The two stand-ins for an engine, so that only the proxies are measured.

nginx answers small requests faster than any proxy can ask; `bulk` moves gigabytes both ways and tells events, which
nginx cannot without a disk.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from client import wait_until_it_answers
from events import CONTAINER
from launch import Program, launched, need
from policy import INSPECTED, OWNER

HERE: Final = Path(__file__).parent

# Containers in a long list.
MANY: Final = 500

# As Docker sends it: without blanks.
INSPECTION: Final = json.dumps(CONTAINER, separators=(",", ":"))
# Where it is cut in two: nginx reads no word of 4 KiB.
HALF: Final = len(INSPECTION) // 2

# What it says of one that was made.
CREATED: Final = json.dumps({"Id": CONTAINER["Id"], "Warnings": []})

IMAGE: Final = "sha256:" + "a" * 64

# Of six networks: 3 KB, which engines send in chunks.
NETWORKS: Final = json.dumps(
    [{"Name": f"shop_{n}", "Id": f"{n:064x}", "Driver": "bridge", "Labels": {"digest": IMAGE * 5}} for n in range(6)]
)


def list_containers(count: int) -> str:
    """Write what an engine says of so many containers, all of them created by the clients of the measured socket."""
    return json.dumps(
        [
            {
                "Id": f"{number:064x}",
                "Names": [f"/web-{number}"],
                "Image": "nginx:stable",
                "ImageID": IMAGE,
                "Command": "/docker-entrypoint.sh nginx",
                "Created": 1764000000,
                "Ports": [{"PrivatePort": 80, "Type": "tcp"}],
                "Labels": {
                    "com.docker.compose.project": "shop",
                    "com.docker.compose.service": "web",
                    "io.dockerproxy.owner": OWNER,
                    "io.dockerproxy.nonce": f"{number:032x}",
                },
                "State": "running",
                "Status": "Up 3 days",
                "Mounts": [],
            }
            for number in range(count)
        ]
    )


@dataclass(frozen=True, slots=True)
class Engines:
    """The sockets of the running stand-ins."""

    prompt: Path
    bulk: Path


@contextmanager
def engines(folder: Path) -> Iterator[Engines]:
    """Run both stand-ins during the block, their sockets in `folder`.

    Raises:
        BenchError: nginx is not installed, or one of the two does not start.
    """
    nginx = need("nginx", "nginx-light")
    running = Engines(prompt=folder / "prompt.sock", bulk=folder / "bulk.sock")
    (folder / "many.json").write_text(list_containers(MANY))
    folder.chmod(0o711)  # nginx reads it as another user.
    configuration = folder / "nginx.conf"
    template = Template((HERE / "nginx.conf").read_text())
    configuration.write_text(
        template.substitute(
            folder=folder,
            socket=running.prompt,
            containers=list_containers(3),
            networks=NETWORKS,
            name=INSPECTED,
            id=CONTAINER["Id"],
            inspected_first=INSPECTION[:HALF],
            inspected_second=INSPECTION[HALF:],
            created=CREATED,
        )
    )
    programs = {
        running.prompt: Program((nginx, "-e", "stderr", "-c", str(configuration)), {}),
        running.bulk: Program((sys.executable, str(HERE / "bulk.py"), str(running.bulk)), {}),
    }
    with ExitStack() as stack:
        for path, program in programs.items():
            output = path.with_suffix(".log")
            process = stack.enter_context(launched(program, output))
            wait_until_it_answers(path, process, output)
        yield running
