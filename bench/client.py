"""The requests that h2load cannot make: the first one, a gigabyte, and events.

Each opens a connection of its own and says `Connection: close`, so that the end of the stream is the
end of the answer whatever its framing.
"""

import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from bulk import BLOCK, CHUNKED_BLOCK, DOWNLOAD, UPLOAD
from events import EVENTS, LAST_CHUNK, SENT, SINGLE
from launch import BenchError

OK: Final = b"HTTP/1.1 200 "
# Between two attempts to reach a program that starts: what its start may seem longer than it is.
ATTEMPT: Final = 0.001
# After which a program that does not answer never will, in seconds.
STARTING: Final = 10.0


def wait_until_it_answers(path: Path, process: subprocess.Popen[bytes], output: Path) -> None:
    """Return when `process` answers a ping on the socket `path`.

    Raises:
        BenchError: It ended instead, or took too long; with what it printed to `output` last.
    """
    deadline = time.monotonic() + STARTING
    while not answers(path):
        if process.poll() is not None or time.monotonic() > deadline:
            last = output.read_text(errors="replace").strip().splitlines()[-5:]
            message = f"{process.args!r} does not answer on {path}:\n" + "\n".join(last)
            raise BenchError(message)
        time.sleep(ATTEMPT)


def answers(path: Path) -> bool:
    """Tell whether a ping on the socket `path` is answered with 200."""
    try:
        with connect(path) as connection:
            connection.sendall(head("GET", "/_ping"))
            return connection.recv(65536).startswith(OK)
    except OSError:
        return False


def download(path: Path, size: int, *, chunked: bool) -> float:
    """Read `size` bytes through the socket `path`; give the seconds it took."""
    target = f"{DOWNLOAD}?size={size}&chunked={int(chunked)}"
    buffer = bytearray(BLOCK)
    began = time.perf_counter()
    with connect(path) as connection:
        connection.sendall(head("GET", target))
        first = received = connection.recv_into(buffer)
        answer = bytes(buffer[:first])
        while count := connection.recv_into(buffer):
            received += count
    seconds = time.perf_counter() - began
    if not answer.startswith(OK) or received < size:
        message = f"a download ended after {received:,} of {size:,} bytes: {answer[:200]!r}"
        raise BenchError(message)
    return seconds


def upload(path: Path, size: int, *, chunked: bool) -> float:
    """Write `size` bytes through the socket `path`; give the seconds until they are acknowledged."""
    block = CHUNKED_BLOCK if chunked else bytes(BLOCK)
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    began = time.perf_counter()
    with connect(path) as connection:
        connection.sendall(head("POST", UPLOAD, "Content-Type: application/x-tar", framing))
        for _ in range(size // BLOCK):
            connection.sendall(block)
        if chunked:
            connection.sendall(LAST_CHUNK)
        answer = connection.recv(65536)
        while more := connection.recv(65536):
            answer += more
    seconds = time.perf_counter() - began
    # The engine says how many bytes reached it: an answer that came early would be a fast one.
    if not answer.startswith(OK) or not answer.rstrip().endswith(f'"{size}"}}'.encode()):
        message = f"an upload of {size:,} bytes was answered with {answer[-200:]!r}"
        raise BenchError(message)
    return seconds


def follow(path: Path) -> list[float]:
    """Take all events through the socket `path`; give the seconds in which those came that are sent one at a time.

    They are half of them, where only those of own containers come.
    """
    times: list[float] = []
    last = b""
    with connect(path) as connection:
        connection.sendall(head("GET", EVENTS))
        while data := connection.recv(BLOCK):
            if len(times) < SINGLE // 2 and SENT in data:
                sent = data.partition(SENT)[2].partition(b"}")[0]
                times.append((time.monotonic_ns() - int(sent)) / 1e9)
            last = (last + data)[-len(LAST_CHUNK) :]
    if len(times) < SINGLE // 2 or last != LAST_CHUNK:
        message = f"events ended after {len(times)} of {SINGLE // 2}"
        raise BenchError(message)
    return times


def connect(path: Path) -> socket.socket:
    """Open a connection that does not wait for ever."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(STARTING)
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection


def head(method: str, target: str, *fields: str) -> bytes:
    """Write the head of a request as a Docker client would."""
    lines = (f"{method} {target} HTTP/1.1", "Host: docker", "User-Agent: bench", "Connection: close", *fields)
    return "\r\n".join((*lines, "", "")).encode()
