"""What a build costs that is judged, beside one in an opaque tunnel and one without a proxy.

    python bench/building.py [ENGINE]

The socket of an engine is given, `/run/docker.sock` else, and the docker command line is needed. Each build sends a
directory of 500 MB, of which the engine knows the content but not the times.

An engine keeps what was sent for each owner, so each contender builds once before it is measured. Then they build in
each order as often as in any other, and nothing waits to be written when a build begins: what the one before it has
left to do delays it. They are compared within rounds, as a machine may be busy for some of them.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import permutations
from pathlib import Path
from typing import Final

from client import wait_until_it_answers
from contenders import Running
from launch import BenchError, Program, launched
from measure import processor_time

TIMES: Final = 2
FILES: Final = 5
SIZE: Final = 100_000_000
POLICIES: Final = {
    "judged": '["preset:ci", {ImageBuild: {tags: ["docker.io/library/bench-*"]}}]',
    "opaque tunnel": '["preset:ci", {Grpc: unrestricted}, {Session: unrestricted}]',
}
LONGEST: Final = re.compile(r"VmHWM:\s+(\d+) kB")


def build(socket: Path, context: Path) -> float:
    """Build the directory, with files that seem to be new; return the seconds it took."""
    for file in context.iterdir():
        os.utime(file)
    os.sync()
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
        contenders = {"no proxy": Running(socket=Path(engine))}
        for number, (says, allow) in enumerate(POLICIES.items()):
            socket, policy, output = folder / f"{number}.sock", folder / f"{number}.yaml", folder / f"{number}.output"
            policy.write_text(f"sockets: {{bench: {{path: {socket}, allow: {allow}}}}}\n")
            words = (sys.executable, "-m", "dockerproxy", "serve", "--policy", str(policy))
            process = stack.enter_context(launched(Program(words, {"DOCKER_SOCKET_PATH": engine}), output))
            wait_until_it_answers(socket, process, output)
            contenders[says] = Running(socket=socket, pid=process.pid)
        for contender in contenders.values():
            build(contender.socket, context)
        used = {says: processor_time(contender) for says, contender in contenders.items()}
        orders = list(permutations(contenders)) * TIMES
        rounds = [{says: build(contenders[says].socket, context) for says in order} for order in orders]
        for says, contender in contenders.items():
            times = [each[says] for each in rounds]
            ratio = statistics.median(each[says] / each["opaque tunnel"] for each in rounds)
            line = f"{says}: {statistics.median(times):.2f} s (least {min(times):.2f}), {ratio:.2f} of opaque"
            if (now := processor_time(contender)) is not None:
                most = int(LONGEST.findall(Path(f"/proc/{contender.pid}/status").read_text())[0]) / 1024
                busy = (now - (used[says] or 0)) / len(rounds)
                line += f"; {busy:.2f} s of processor time, {most:.0f} MB at most"
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["/run/docker.sock"])))
