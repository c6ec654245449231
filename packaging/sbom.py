"""List the packages of the image's files: in the image for scanners, and in a CycloneDX document beside it.

    sbom.py TARGET DEBS NAMES RESULT FILE < TAKEN

NAMES lists the files of each package of DEBS that were unpacked to TARGET, and TAKEN those that are in the image. In an
image without a package manager, scanners read `/var/lib/dpkg/status.d`, and the version of Debian in `/etc/os-release`.
The licences of the packages also go into the image.
"""

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from files import SOURCES, put, write

sys.path.insert(0, str(SOURCES))
from dockerproxy.version import COMMIT, VERSION

DISTRIBUTION: Final = "debian-13"
FIELDS: Final = ("Package", "Version", "Architecture", "Source")


def main(target: Path, debs: Path, names: Path, result: Path, file: Path) -> None:
    """Complete the result folder, and write the document."""
    taken = {f"./{line}".rstrip("\n") for line in sys.stdin}
    components = []
    for listed in sorted(names.iterdir()):
        if found := taken.intersection(listed.read_text().splitlines()):
            taken -= found
            components.append(describe(debs / listed.name))
            add_package(debs / listed.name, components[-1]["name"], target, result)
    if taken:
        sys.exit(f"these files belong to no package: {sorted(taken)}")
    file.write_text(json.dumps(write_document(components), indent=1) + "\n")


def ask(deb: Path, *question: str) -> bytes:
    """Ask dpkg-deb about a package."""
    return subprocess.run(["dpkg-deb", question[0], str(deb), *question[1:]], check=True, stdout=subprocess.PIPE).stdout


def add_package(deb: Path, name: str, target: Path, result: Path) -> None:
    """Add the metadata and the licence of a package to the image."""
    write(result / "var/lib/dpkg/status.d" / name, ask(deb, "--field").decode())
    terms = Path("usr/share/doc", name, "copyright")
    put((target / terms).resolve(), result / terms, str(terms))


def describe(deb: Path) -> dict[str, Any]:
    """Write a component of the document."""
    name, version, architecture, source = (ask(deb, "--field", field).decode().strip() for field in FIELDS)
    qualifiers = f"arch={architecture}&distro={DISTRIBUTION}" + (f"&upstream={source.split()[0]}" if source else "")
    reference = f"pkg:deb/debian/{name}@{quote(version, safe='')}?{qualifiers}"
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    return {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": version,
        "purl": reference,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }


def write_document(components: list[dict[str, Any]]) -> dict[str, Any]:
    """Write the document around its components."""
    made = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)
    ours = {
        "type": "container",
        "bom-ref": "dockerproxy",
        "name": "dockerproxy",
        "version": VERSION,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "properties": [{"name": "commit", "value": COMMIT}] if COMMIT else [],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": ours},
        "components": components,
        "dependencies": [{"ref": "dockerproxy", "dependsOn": [each["bom-ref"] for each in components]}],
    }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
