"""What the process may do besides what any may is given up, but for what it needs."""

import os
from pathlib import Path

from host.locked import run_alone

GIVE_UP = """
    import os, sys
    from dockerproxy.host.privileges import Need, forbid_new, give_up, hide_memory
    needs = [Need(path, os.W_OK) for path in sys.argv[2:]]
    forbid_new()
    hide_memory()
    kept = give_up(needs, certain=sys.argv[1] == "certain")
    print(kept.override, *kept.groups)
    for line in open("/proc/self/status"):
        if line.startswith(("CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs")):
            print(*line.split())
"""
NOTHING = ["CapInh: 0000000000000000", "CapPrm: 0000000000000000", "CapEff: 0000000000000000"]


def give_up(*needs: Path, certain: bool = True) -> list[str]:
    words = ("certain" if certain else "open", *map(str, needs))
    return run_alone(GIVE_UP, *words).splitlines()


def test_nothing_is_kept_that_is_not_needed(tmp_path: Path) -> None:
    kept, *status = give_up(tmp_path)
    assert status == [*NOTHING, "CapAmb: 0000000000000000", "NoNewPrivs: 1"]
    assert os.geteuid() or kept == "False"


def test_what_nobody_could_reach_needs_nothing() -> None:
    assert give_up(Path("/nonexistent"))[1:4] == NOTHING


def test_as_long_as_it_is_not_known_what_is_needed_it_is_kept() -> None:
    kept = give_up(Path("/nonexistent"), certain=False)
    assert kept[0].startswith("True") is (os.geteuid() == 0)
