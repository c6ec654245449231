"""Policy files for the tests of verbs."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from folders import short_folder

from dockerproxy.config.policy_file import read_policy
from dockerproxy.settings import SocketSettings

POLICY = """\
sockets:
  traefik:
    path: FOLDER/traefik.sock
    group: 4321
    allow: [preset:ping, ContainerList]

  backup:
    path: FOLDER/backup.sock
    allow:
      - containers:read: {containers: [web, "db-*"]}
      - ContainerStart
      - ContainerRestart: {containers: ["db-*"]}
      - ContainerLogs: {follow: false}
      - ExecStart: {containers: ["db-*"]}
    deny: [ContainerArchive, ContainerExport]

  new-thing:
    path: FOLDER/new-thing.sock
    mode: report
    allow: [ContainerList]
"""


def sockets_of(text: str = POLICY) -> dict[str, SocketSettings]:
    """Return the sockets of a policy, by their names."""
    policy = read_policy(text.replace("FOLDER", "/nonexistent"), "policy.yaml")
    return {socket.name: socket for socket in policy.sockets}


@contextlib.contextmanager
def policy_in(text: str = POLICY) -> Iterator[Path]:
    """Give a folder with a policy file; FOLDER stands for it in the text."""
    with short_folder() as folder:
        write(folder / "policy.yaml", text)
        yield folder


def write(path: Path, text: str) -> str:
    """Write a file; return its path. FOLDER stands for its folder."""
    path.write_text(text.replace("FOLDER", str(path.parent)))
    return str(path)
