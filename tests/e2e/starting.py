"""Containers that are run as set-up: a start that the engine's own runtime breaks off is tried again, and counted.

So is a run of which a busy engine has kept no output.

What a test promises is never tried again.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from e2e.talk import ask

LOST: Final = "no output was kept"
"""What dockerd leaves of a container that has ended 2 s before anything was copied (`handleContainerExit` of moby)."""

BROKEN_OFF: Final = ("read init-p: connection reset by peer", "can't get final child's PID from pipe: EOF", LOST)
"""What runc says on a busy machine of a container that starts the next time (https://github.com/moby/moby/issues/40835),
and what is said here of lost output."""

TRIES: Final = 5

tried_again: Final = Counter[str]()
"""How often a set-up was tried again in this process, by what had happened; told at the end of a run."""

Answer = TypeVar("Answer")


def set_up(step: Callable[[], Answer], read_complaint: Callable[[Answer], str]) -> Answer:
    """Take a step of a set-up, and again if the engine has broken it off; return what came of it the last time."""
    for _ in range(TRIES - 1):
        answer = step()
        said = [text for text in BROKEN_OFF if text in read_complaint(answer)]
        if not said:
            return answer
        tried_again.update(said)
    return step()


def start_container(path: Path, container: str) -> None:
    """Have a container started by who listens there."""
    started = set_up(lambda: ask(path, "POST", f"/containers/{container}/start"), lambda answer: answer.body.decode())
    assert started.status == 204, started


def run_container(path: Path, container: str) -> str:
    """Have a container that prints something run to its end; return that."""

    def run() -> str:
        start_container(path, container)
        ask(path, "POST", f"/containers/{container}/wait")
        return ask(path, "GET", f"/containers/{container}/logs?stdout=1&stderr=1").body.decode()

    return set_up(run, lambda printed: "" if printed else LOST)
