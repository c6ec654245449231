"""The proxy, broken into: whoever sends it code has it run, in the process and with all that is locked there.

    python broken_into.py [--without LOCK]... serve ...

A request head with a field `x-code` is answered with what came of running it as Python, as the reason of a refusal.
The product has no such hook; it is put in from here. A lock that is named stays open, so that it can be seen what the
others do.
"""

import argparse
import base64
import contextlib
import os
import re
import threading
from typing import Any

from dockerproxy.cli.main import main
from dockerproxy.errors import Refusal
from dockerproxy.host import landlock, sandbox
from dockerproxy.policy.phases import Judged
from dockerproxy.proxy.sockets import SocketState

CODE = re.compile(rb"\r\nx-code: (\S+)\r\n").search
LOCKS = {
    "calls": (sandbox, "_filter_calls"),
    "files": (landlock, "restrict"),
}


def run(code: str) -> str:
    """Run code in a thread of its own, as an attacker may; return what it leaves in `result`, or what it raises."""
    names: dict[str, Any] = {}
    said = ["nothing"]

    def go() -> None:
        try:
            exec(code, names)  # noqa: S102 (it is what the program is for)
            said[0] = f"result {names.get('result')!r}"
        except BaseException as error:  # noqa: BLE001 (whatever stops it is told)
            said[0] = f"{type(error).__name__}: {error}"

    if "in_main_thread" in code:
        go()
        return said[0]
    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    return said[0]


JUDGE = SocketState.judge


def judge(self: SocketState, head: bytes) -> Judged | Refusal:
    """Run what a head brings; judge all others."""
    found = CODE(head)
    if found is None:
        return JUDGE(self, head)
    return Refusal(400, run(base64.b64decode(found[1]).decode()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--without", action="append", default=[], choices=LOCKS)
    options, words = parser.parse_known_args()
    for lock in options.without:
        setattr(*LOCKS[lock], lambda *_: None)
    SocketState.judge = judge  # type: ignore[method-assign] # it is put in from outside
    with contextlib.suppress(BrokenPipeError):
        status = main(words)
    os._exit(status)
