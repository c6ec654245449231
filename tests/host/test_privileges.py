"""What the process may do besides what any may is given up, but for what it needs."""

import os
from pathlib import Path

import pytest
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
WITHOUT = """
    import errno, os
    from dockerproxy.host import seccomp
    seccomp._filter(seccomp._ALLOW, [("{call}", 0x00050000 | errno.{error}, ())])
"""
NOTHING = ["CapInh: 0000000000000000", "CapPrm: 0000000000000000", "CapEff: 0000000000000000"]


def give_up(*needs: Path, certain: bool = True, before: str = "") -> list[str]:
    words = ("certain" if certain else "open", *map(str, needs))
    return run_alone(before + GIVE_UP, *words).splitlines()


def test_nothing_is_kept_that_is_not_needed(tmp_path: Path) -> None:
    kept, *status = give_up(tmp_path)
    assert status == [*NOTHING, "CapAmb: 0000000000000000", "NoNewPrivs: 1"]
    assert os.geteuid() or kept == "False"


def test_what_nobody_could_reach_needs_nothing() -> None:
    assert give_up(Path("/nonexistent"))[1:4] == NOTHING


def test_as_long_as_it_is_not_known_what_is_needed_it_is_kept() -> None:
    kept = give_up(Path("/nonexistent"), certain=False)
    assert kept[0].startswith("True") is (os.geteuid() == 0)


def test_groups_that_nobody_may_leave_keep_no_capability(tmp_path: Path) -> None:
    assert give_up(tmp_path, before=WITHOUT.format(call="setgroups", error="EPERM"))[1:4] == NOTHING


@pytest.mark.parametrize(("missing", "tried"), [("faccessat2", "False"), ("faccessat", "True")])
def test_what_opens_the_engines_socket_stays_where_the_kernel_does_not_say_what_does(missing: str, tried: str) -> None:
    program = """
    from dockerproxy.host import privileges, sandbox
    print(privileges.can_be_tried())
    for lock in sandbox._close_capabilities(sandbox.Places(("/",), (), "", "")):
        print(lock.says)
    """
    can_be_tried, says, *_ = run_alone(WITHOUT.format(call=missing, error="ENOSYS") + program).splitlines()
    assert can_be_tried == tried
    assert os.geteuid() or ("which may be needed: this kernel cannot tell" in says) is (tried == "False")
