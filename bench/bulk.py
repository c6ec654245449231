"""The engine that sends and takes gigabytes, and tells events: `python bulk.py SOCKET`.

It knows a ping, events, a download and an upload, framed both ways: counted, and in chunks of 32 KiB, which is
how Docker's own `save` and `load` arrive. A thread for each connection; it ends when it is killed.
"""

import socket
import sys
import threading
from io import BufferedReader
from typing import Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

from events import EVENTS, LAST_CHUNK, answers, send_events

DOWNLOAD: Final = "/v1.45/images/x/get"
UPLOAD: Final = "/v1.45/images/load"

# In quotes: only type checkers know that a reader has a parameter.
Reader: TypeAlias = "BufferedReader[socket.SocketIO]"

# Sizes are multiples of a block. A chunk is what Go's io.Copy writes at once.
BLOCK: Final = 1 << 20
CHUNK: Final = 32 << 10
CHUNKED_BLOCK: Final = (b"%x\r\n%s\r\n" % (CHUNK, bytes(CHUNK))) * (BLOCK // CHUNK)

ANSWERS: Final = dict(answers())

HEAD: Final = b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nOstype: linux\r\nServer: Docker/26.1.5 (linux)\r\n"


def main(path: str) -> None:
    """Listen on the socket `path` until killed."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


def serve(connection: socket.socket) -> None:
    """Answer the requests of a connection until one of them is said to be the last."""
    with connection, BufferedReader(connection.makefile("rb", buffering=0), BLOCK) as reader:
        try:
            while line := reader.readline():
                method, target, _ = line.decode().split()
                if answer(connection, reader, method, target) == "close":
                    return
        except ConnectionError:
            return


def answer(connection: socket.socket, reader: Reader, method: str, target: str) -> str:
    """Read the rest of a request and answer it; give what it says of the connection."""
    fields: dict[str, str] = {}
    while line := reader.readline().decode().strip():
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    if method == "POST":
        buffer = memoryview(bytearray(BLOCK))
        if "transfer-encoding" in fields:
            taken = take_chunks(reader, buffer)
        else:
            taken = take(reader, int(fields["content-length"]), buffer)
        send_json(connection, f'{{"stream":"{taken}"}}')
    elif urlsplit(target).path == DOWNLOAD:
        query = parse_qs(urlsplit(target).query)
        send_blocks(connection, int(query["size"][0]), chunked=query["chunked"] == ["1"])
    elif target == EVENTS:
        send_events(connection)
    else:
        send_json(connection, ANSWERS.get(target, '"OK"'))
    return fields.get("connection", "").lower()


def send_json(connection: socket.socket, body: str) -> None:
    """Answer with a small body."""
    framing = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    connection.sendall(HEAD + framing.encode())


def send_blocks(connection: socket.socket, size: int, *, chunked: bool) -> None:
    """Answer with `size` bytes."""
    block = CHUNKED_BLOCK if chunked else bytes(BLOCK)
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    connection.sendall(HEAD + f"Content-Type: application/x-tar\r\n{framing}\r\n\r\n".encode())
    for _ in range(size // BLOCK):
        connection.sendall(block)
    if chunked:
        connection.sendall(LAST_CHUNK)


def take(reader: Reader, size: int, buffer: memoryview) -> int:
    """Read a counted body, or a chunk, into the buffer and over it; give its length."""
    taken = 0
    while taken < size and (count := reader.readinto1(buffer[: size - taken])):
        taken += count
    return taken


def take_chunks(reader: Reader, buffer: memoryview) -> int:
    """Read a body in chunks of whatever size; give its length."""
    taken = 0
    while size := int(reader.readline(), 16):
        taken += take(reader, size, buffer)
        reader.readline()
    reader.readline()
    return taken


if __name__ == "__main__":
    main(sys.argv[1])
