"""What a build costs that is judged, beside one in an opaque tunnel and one without a proxy.

    python bench/building.py [ENGINE]

The socket of an engine is given, `/run/docker.sock` else, and the docker command line is needed. Each build sends a
directory of 500 MB, of which the engine knows the content but not the times. The contenders alternate.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from client import wait_until_it_answers
from launch import BenchError, Program, launched

ROUNDS: Final = 3
FILES: Final = 5
SIZE: Final = 100_000_000
POLICIES: Final = {
    "judged": '["preset:ci", {ImageBuild: {tags: ["docker.io/library/bench-*"]}}]',
    "opaque tunnel": '["preset:ci", {Grpc: unrestricted}, {Session: unrestricted}]',
}
LONGEST: Final = re.compile(r"VmHWM:\s+(\d+) kB")


def build(socket: str, context: Path) -> float:
    """Build the directory, with files that seem to be new; return the seconds it took."""
    for file in context.iterdir():
        os.utime(file)
    environment = {**os.environ, "DOCKER_HOST": f"unix://{socket}"}
    began = time.perf_counter()
    done = subprocess.run(
        ("docker", "build", "--quiet", "--tag=bench-built", str(context)),
        env=environment,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(done.stderr.decode())
    return time.perf_counter() - began


def main(engine: str) -> int:
    """Build through each, and print a line for each."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, context = Path(name), Path(name) / "context"
        context.mkdir()
        (context / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
        for number in range(FILES):
            (context / f"file{number}").write_bytes(os.urandom(SIZE))
        sockets, processes = {"no proxy": engine}, {}
        for number, (says, allow) in enumerate(POLICIES.items()):
            socket, policy, output = folder / f"{number}.sock", folder / f"{number}.yaml", folder / f"{number}.output"
            policy.write_text(f"sockets: {{bench: {{path: {socket}, allow: {allow}}}}}\n")
            words = (sys.executable, "-m", "dockerproxy", "serve", "--policy", str(policy))
            process = stack.enter_context(launched(Program(words, {"DOCKER_SOCKET_PATH": engine}), output))
            wait_until_it_answers(socket, process, output)
            sockets[says], processes[says] = str(socket), process
        took: dict[str, list[float]] = {says: [] for says in sockets}
        build(engine, context)  # Once for the layers that the engine keeps.
        for _ in range(ROUNDS):
            for says, socket_path in sockets.items():
                took[says].append(build(socket_path, context))
        for says, times in took.items():
            line = f"{says}: {statistics.median(times):.2f} s (least {min(times):.2f})"
            if says in processes:
                status = Path(f"/proc/{processes[says].pid}/status").read_text()
                line += f", {int(LONGEST.findall(status)[0]) / 1024:.0f} MB at most"
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["/run/docker.sock"])))
