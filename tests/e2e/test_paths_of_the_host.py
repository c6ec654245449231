"""No answer of an engine tells a client which paths the host has."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from e2e.engines import Engine
from e2e.talk import ask
from e2e.test_subtrees import Two, make, root, two
from wire.tars import archive_of, item

from dockerproxy.policy.subtrees import NO_PART

pytestmark = pytest.mark.engine
__all__ = ["root", "two"]

TAR = {"Content-Type": "application/x-tar"}


def test_no_answer_tells_whether_a_path_of_the_host_exists(two: Two, root: Path, label: str, dockerd: Engine) -> None:
    """A link leads to it, below a granted directory and in a volume of the client."""
    mine, _, _ = two
    volume = mine.make("volumes/create", Name=f"v-{label}")
    place = Path(ask(dockerd.socket, "GET", f"/volumes/{volume}").json()["Mountpoint"])
    targets = {
        "there": "/etc",
        "nowhere": "/etc/none",
        "file": "/etc/passwd/x",
        "shadow": "/etc/shadow",
        "round": "round",
    }
    for (name, target), folder in itertools.product(targets.items(), (root, place)):
        (folder / name).symlink_to(target)
    told: dict[str, set[Any]] = {"bind": set(), "volume": set()}
    for name, kind in itertools.product((*targets, "there/ssl", "there/none", "missing"), told):
        mount = {"Type": "volume", "Source": volume, "Target": "/x", "VolumeOptions": {"Subpath": name}}
        host = {"Mounts": [mount]} if kind == "volume" else {"Binds": [f"/workspace/{name}:/x"]}
        container = f"/v1.45/containers/{make(mine, host)}"
        doors = [ask(mine.socket, verb, f"{container}/archive?path=/x") for verb in ("GET", "HEAD")]
        doors += [ask(mine.socket, "PUT", f"{container}/archive?path=/", archive_of(item("f")), TAR)]
        doors += [mine.ask("POST", f"{container}/{verb}") for verb in ("start", "restart")]
        said = [(each.status, re.sub("decision.*", "", each.body.decode())) for each in doors]
        told[kind].add((*said, mine.ask("GET", f"{container}/json").json()["State"]["Error"]))
    [below], [inside] = told.values()
    for status, text in (*list(below)[:-1], *list(inside)[:-1]):
        assert status >= 400
        assert str(root) not in text
        assert "/etc" not in text
    assert (below[-1], inside[-1]) == (NO_PART, NO_PART)
