"""What a socket's clients own is removed in the right order, and nothing else is."""

import json
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from cli.programs import engine_of, run
from folders import short_folder

from dockerproxy.owner_labels import OWNER

POLICY = """
sockets:
  job: {{path: {folder}/job.sock, own_as: team, allow: [own]}}
  plain: {{path: {folder}/plain.sock, allow: [ContainerList]}}
  wide: {{path: {folder}/job.sock2, allow: [own, ContainerList]}}
"""

MINE, THEIRS = {OWNER: "team"}, {OWNER: "others"}
OLD, NEW = 1_000_000_000, 4_000_000_000
LISTS: dict[str, Any] = {
    "/containers/json?all=1": [
        {"Id": "1f" * 32, "Names": ["/web"], "Labels": MINE, "Created": OLD},
        {"Id": "2e" * 32, "Names": ["/young"], "Labels": MINE, "Created": NEW},
        {"Id": "3d" * 32, "Names": ["/other"], "Labels": THEIRS, "Created": OLD},
    ],
    "/networks": [
        {"Id": "4c" * 32, "Name": "net", "Labels": MINE, "Created": "2001-09-09T01:46:40.123456789Z"},
        {"Id": "5b" * 32, "Name": "plain", "Labels": {}, "Created": "2001-09-09T01:46:40Z"},
    ],
    "/volumes": {"Volumes": [{"Name": "data", "Labels": MINE, "CreatedAt": "2001-09-09T01:46:40Z"}], "Warnings": None},
}


class Engine(socketserver.StreamRequestHandler):
    """Says what there is, and notes what is removed."""

    removed: ClassVar[list[str]] = []
    denies: ClassVar[bool] = False

    def handle(self) -> None:
        method, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        status, answer = self.answer(method, target)
        content = json.dumps(answer).encode()
        self.wfile.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(content), content))

    def answer(self, method: str, target: str) -> tuple[int, Any]:
        if method == "DELETE":
            self.removed.append(target)
            return (409, {"message": "in use"}) if target == "/volumes/data" and self.denies else (200, {})
        if target == "/services":
            return 503, {"message": "This node is not a swarm manager."}
        if self.denies and target == "/networks":
            return 403, {"message": "NetworkList denied"}
        return (200, LISTS[target]) if target in LISTS else (404, {"message": "page not found"})


@contextmanager
def engine(*, denies: bool = False) -> Iterator[Path]:
    Engine.removed.clear()
    Engine.denies = denies
    with short_folder() as folder, engine_of(folder / "job.sock", Engine):
        (folder / "policy.yaml").write_text(POLICY.format(folder=folder))
        yield folder


def test_what_is_owned_is_removed_in_an_order_in_which_nothing_is_in_use() -> None:
    with engine() as folder:
        done = run("sweep", "--policy", f"{folder}/policy.yaml", "job")
        assert (done.status, done.out) == (
            0,
            "removed  container young\nremoved  container web\nremoved  network net\nremoved  volume data\n",
        )
        assert Engine.removed == [
            f"/containers/{'2e' * 32}?force=1&v=1",
            f"/containers/{'1f' * 32}?force=1&v=1",
            f"/networks/{'4c' * 32}",
            "/volumes/data",
        ]


def test_what_is_younger_is_spared_and_a_dry_run_removes_nothing() -> None:
    with engine() as folder:
        words = ("sweep", "--policy", f"{folder}/policy.yaml", "--older-than", "1d", "--dry-run", "job")
        done = run(*words)
        assert (done.status, done.out) == (
            0,
            "would remove  container web\nwould remove  network net\nwould remove  volume data\n",
        )
        assert Engine.removed == []


def test_what_cannot_be_removed_is_said_with_the_reason() -> None:
    with engine(denies=True) as folder:
        done = run("sweep", "--policy", f"{folder}/policy.yaml", "job")
        assert done.status == 1
        assert "left     network of any name: NetworkList denied\n" in done.out
        assert "left     volume data: in use\n" in done.out


def test_an_answer_that_cannot_be_read_removes_nothing() -> None:
    with engine() as folder:
        before = LISTS["/containers/json?all=1"]
        LISTS["/containers/json?all=1"] = "text"
        try:
            done = run("sweep", "--policy", f"{folder}/policy.yaml", "job")
        finally:
            LISTS["/containers/json?all=1"] = before
        assert (done.status, "left     container of any name: the engine's list is not as expected\n" in done.out) == (
            1,
            True,
        )


def test_nothing_to_remove_is_said() -> None:
    with engine() as folder:
        (folder / "policy.yaml").write_text(POLICY.format(folder=folder).replace("team", "nobody"))
        done = run("sweep", "--policy", f"{folder}/policy.yaml", "job")
        assert (done.status, done.out, Engine.removed) == (0, "nothing to remove\n", [])


def test_mistakes_are_told() -> None:
    with engine() as folder:
        policy = f"{folder}/policy.yaml"
        assert 'grant "own", and lists only' in run("sweep", "--policy", policy, "plain").err
        assert "also lists objects of others" in run("sweep", "--policy", policy, "wide").err
        assert "choose one: job, plain or wide" in run("sweep", "--policy", policy).err
        done = run("sweep", "--policy", policy, "--older-than", "2 hours", "job")
        assert (done.status, "write it like 30m, 2h, 30d or 2w" in done.err) == (2, True)
        (folder / "policy.yaml").write_text(POLICY.format(folder=folder).replace("job.sock", "gone.sock"))
        done = run("sweep", "--policy", policy, "job")
        assert (done.status, "start it with this policy" in done.err) == (2, True)
