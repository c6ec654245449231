"""Ask over a new connection each time, as the docker command and most scripts do, and print how often.

python bench/connecting.py SOCKET SECONDS
"""

import sys
import time
from pathlib import Path
from typing import Final

from client import OK, connect

ASKED: Final = b"GET /v1.45/containers/json HTTP/1.1\r\nHost: docker\r\nUser-Agent: bench\r\n\r\n"


def main() -> int:
    """Ask until the time is over; give the exit status."""
    path, end, count = Path(sys.argv[1]), time.monotonic() + float(sys.argv[2]), 0
    while time.monotonic() < end:
        with connect(path) as connection:
            connection.sendall(ASKED)
            if not connection.recv(65536).startswith(OK):
                return 1
        count += 1
    print(count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
