"""What `--version` says is what releases and tables have."""

import re
import subprocess
import sys
from pathlib import Path

from dockerproxy.version import COMMIT, DOCKER_API, PODMAN_API, VERSION, describe

ROOT = Path(__file__).parents[1]
FACTS = ROOT / "tests/facts"


def test_a_clone_has_no_commit_and_an_archive_has() -> None:
    assert COMMIT == ""
    assert describe().startswith(f"{VERSION}\n")
    attributes = (ROOT / ".gitattributes").read_text()
    assert "/src/dockerproxy/version.py export-subst" in attributes
    source = (ROOT / "src/dockerproxy/version.py").read_text()
    assert source.count("$Format:%H$") == 1
    archived = source.replace("$Format:%H$", "0123456789abcdef0123") + "\nprint(describe())"
    done = subprocess.run([sys.executable, "-c", archived], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{VERSION} (commit 0123456789ab)\n")


def test_the_newest_versions_are_those_of_which_a_table_has_something() -> None:
    fields = [line.split("\t") for line in (FACTS / "fields.tsv").read_text().splitlines()[1:]]
    podman = [first for operation, _, _, first in fields if operation.endswith("Libpod")]
    docker = [first for operation, _, _, first in fields if re.fullmatch(r"1\.\d+", first)]
    assert find_newest(docker) == DOCKER_API
    assert find_newest(podman) == PODMAN_API


def find_newest(versions: list[str]) -> str:
    numbers = max(tuple(int(part) for part in version.split(".")[:2]) for version in versions if version[0].isdigit())
    return ".".join(map(str, numbers))


def test_the_list_of_changes_has_an_entry_for_the_version() -> None:
    assert re.search(
        rf"^## \[{re.escape(VERSION)}\] - \d{{4}}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
