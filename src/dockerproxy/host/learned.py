"""Write learned policies to files while the proxy runs.

A thread writes, so a slow or full disk delays no client. A failed write is tried again.
"""

import asyncio
import contextlib
import os
from collections.abc import Mapping

from dockerproxy.host.files import check_directory, write_atomically
from dockerproxy.observe.journal import Learner
from dockerproxy.observe.log import Log
from dockerproxy.policy.model import Mode
from dockerproxy.problems import Problem, UserError
from dockerproxy.process_settings import Settings
from dockerproxy.settings import Level


def place_of(directory: str, socket: str) -> str:
    """Return the path of the file that a socket's policy is written to."""
    return os.path.join(directory, f"{socket}.learned.yaml")


def check_learning(settings: Settings) -> tuple[Problem, ...]:
    """Report what would prevent learning sockets from writing their policies."""
    names = [socket.name for socket in settings.sockets if socket.policy.mode is Mode.LEARN]
    if not names:
        return ()
    if not settings.learn_directory:
        hint = "set it to a persistent directory, like LEARN_DIR=/learned"
        what = f'missing; socket "{names[0]}" needs a directory for its learned policy'
        return (Problem("environment variable LEARN_DIR", what, hint),)
    return check_directory(settings.learn_directory)


class Learned:
    """Writes the policy of each learning socket to a file when it has changed."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._directory = ""
        self._learners: Mapping[str, Learner] = {}
        self._writing = asyncio.Lock()

    def follow(self, directory: str, learners: Mapping[str, Learner]) -> None:
        """From now on, write the policies of these learners, by socket name, to a directory.

        A new learner continues from the file of an earlier run.
        """
        for name, learner in learners.items():
            if learner not in self._learners.values():
                self._resume(learner, place_of(directory, name))
        self._directory, self._learners = directory, learners

    def _resume(self, learner: Learner, path: str) -> None:
        if not os.path.exists(path):
            return
        try:
            learner.resume_from(path)
        except UserError as error:
            aside = f"{path}.old"
            with contextlib.suppress(OSError):  # The next write will report the error.
                os.replace(path, aside)
            self._log.message(Level.WARNING, f"{path} is not a learned policy; it was moved to {aside}:\n{error}")
        else:
            self._log.message(Level.NOTICE, f"learning continues from {path}")

    async def write(self) -> None:
        """Write each changed policy; log those that cannot be written."""
        async with self._writing:
            for socket, learner in self._learners.items():
                if not learner.changed:
                    continue
                path, text = place_of(self._directory, socket), learner.text()
                try:
                    await asyncio.to_thread(write_atomically, path, text)
                except OSError as error:
                    learner.changed = True
                    text = f"cannot write {path}: {error.strerror or error}; the learned policy stays in memory"
                    self._log.message(Level.ERR, text)
                else:
                    self._log.message(Level.INFO, f"wrote {path}")
