"""How hard properties are tried, and what is left out on a machine that cannot run every test.

Properties have few examples by default, and fewer with `--hypothesis-profile=quick`: the same in each run, so that who
changes nothing sees no failure. Many new ones in each run with `--hypothesis-profile=deep`, which searches for them.
"""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from e2e.engines import remove_leftover
from e2e.starting import tried_again
from folders import remove_leftovers
from hypothesis import HealthCheck, settings

# No deadline: on a busy machine the time of one example says nothing about the code.
settings.register_profile("deep", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fast", parent=settings.get_profile("deep"), max_examples=100, derandomize=True)
settings.register_profile("quick", settings.get_profile("fast"), max_examples=10, suppress_health_check=[*HealthCheck])
settings.load_profile("fast")

for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:  # As in the background, or under nohup: programs inherit it.
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

LEFT_OUT = pytest.StashKey[str]()

LONG = {"agreement", "conversations", "cut_conversations", "faults", "help_examples", "loads", "reader", "run"}
"""Files without engines that take the most seconds. Were one the last to begin, one process would work alone."""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remove what runs that were killed have left, and say so; one process of several does."""
    if not hasattr(session.config, "workerinput"):
        for folder in remove_leftovers(remove_leftover):
            session.config.get_terminal_writer().line(f"Removed {folder}, which a run that was killed has left.")


def find_missing(marker: str) -> list[str]:
    """List what tests with a marker need and this machine lacks."""
    if os.geteuid():
        return ["root"]
    setup = Path(__file__).parent / "setup"
    listed = subprocess.run([setup, "--missing"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return listed.splitlines() if marker == "engine" else []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have long ones come first, above all with engines. Leave out what this machine cannot run; in CI that fails."""
    items.sort(key=lambda item: (item.get_closest_marker("engine") is None, item.path.stem[5:] not in LONG))
    if os.environ.get("CI") == "true":
        return
    wanted, missing = list(items), set[str]()
    for marker in ("root", "engine"):
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and (lacks := find_missing(marker)):
            missing.update(lacks)
            items[:] = [item for item in items if item not in marked]
    if left_out := [item for item in wanted if item not in items]:
        config.hook.pytest_deselected(items=left_out)
        config.stash[LEFT_OUT] = (
            f"Left out: {len(left_out)} of {len(wanted)} tests, since this machine lacks {', '.join(sorted(missing))}."
            " To run them all: make test, as root on Debian 13, which installs what they need."
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that collects the results what was left out, and what was tried again."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["left_out"] = session.config.stash.get(LEFT_OUT, "")
        output["tried_again"] = dict(tried_again)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear what each of several processes left out, the same, and what it tried again."""
    node.config.stash[LEFT_OUT] = node.workeroutput.get("left_out", "")
    tried_again.update(node.workeroutput.get("tried_again", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how often set-up was tried again, since an engine had broken it off."""
    for text, times in sorted(tried_again.items()):
        terminalreporter.line(f"Set-up was tried again {times} times, since the engine broke it off: {text}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say last of all what was left out."""
    if said := config.stash.get(LEFT_OUT, ""):
        config.get_terminal_writer().line(said)


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, str] | None:
    """Name a failure at once. Print nothing for a test that passes, with `verbosity_test_cases` below -1."""
    if report.failed:
        kind, where = "failed" if report.when == "call" else "error", report.longreprtext.rpartition("\n")[2]
        return kind, f"\n{kind.upper()} {report.nodeid}: {where}\n", kind.upper()
    quiet = config.get_verbosity(pytest.Config.VERBOSITY_TEST_CASES) < -1
    return ("passed", "", "") if quiet and report.passed and report.when == "call" else None
