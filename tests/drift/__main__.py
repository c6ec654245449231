"""Compare the tables with the engines' sources: what `make drift` runs.

Given are a `swagger.yaml` of moby, or a folder of them, and the sources of moby and Podman; each may be left out. What
is missing here is printed, a line for each, and the exit status is 1 if there is anything. With --keep, what was
compared is added to `tests/facts`, where the tests look that no table loses it.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

from drift.facts import keep, read_names
from drift.gaps import find_gaps
from drift.moby import read_moby
from drift.podman import find_lost_types, read_podman
from drift.swagger import read_swagger

from dockerproxy.api.bodies.tables import SEALED

ADVICE: Final = {
    "an operation that is in no table": "add it to the catalog, or to EXCUSED_ROUTES in tests/drift/gaps.py",
    "in no table, in version": "read in the engine's source what it does, and add it to its table or EXCUSED",
    "its body is not compared": "the type was renamed or moved; fix _BODIES in tests/drift/podman.py",
    "passes with its operation": (
        "if it reaches further than the named object, add it to api/reaching.txt; if it chooses a server,"
        " reads a file or runs something, the operation needs a table or condition"
    ),
}
"""What to do about what is missing."""


def main(words: list[str]) -> int:
    """Run the comparison; return the exit status."""
    parser = argparse.ArgumentParser(prog="make drift", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--swagger", type=Path, help="moby's api/swagger.yaml, or a folder of such files")
    parser.add_argument("--moby", type=Path, help="the folder of moby's source with its go.mod")
    parser.add_argument("--podman", type=Path, help="the folder of Podman's source with its go.mod and vendor")
    parser.add_argument("--keep", action="store_true", help="add what was compared to tests/facts")
    given = parser.parse_args(words)
    if given.swagger is None and given.moby is None and given.podman is None:
        parser.error("nothing to compare with; say SWAGGER=…, MOBY=… or PODMAN=…")
    routes, names = [], []
    lost = find_lost_types(given.podman) if given.podman is not None else []
    for source, read in ((given.swagger, read_swagger), (given.moby, read_moby), (given.podman, read_podman)):
        if source is not None:
            found = read(source)
            routes += found[0]
            names += [each for each in found[1] if each.where == "answer" or each.operation not in SEALED]
    gaps = sorted([*find_gaps(routes, names, read_names()), *lost])
    sys.stdout.writelines(f"{gap}\n" for gap in gaps)
    sys.stdout.writelines(f"{what}: {do}\n" for what, do in ADVICE.items() if any(what in gap for gap in gaps))
    sys.stdout.write(f"{len(routes)} operations and {len(names)} names compared, {len(gaps)} missing here\n")
    if given.keep:
        keep(routes, names)
    return 1 if gaps else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}; is this the whole source of the engine?")
