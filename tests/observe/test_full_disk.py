"""Lines of the log that cannot be written are not lost without a trace."""

import subprocess
import sys
from pathlib import Path


def test_lines_for_which_the_disk_has_no_room_are_counted_and_reported_when_it_has(tmp_path: Path) -> None:
    # A program of its own, for a limit on files that stands in for the disk.
    program = """if True:
        import resource, sys, time
        from dockerproxy.observe.log import Log
        from dockerproxy.process_settings import LogFormat
        from dockerproxy.settings import Level
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        def wait_for(number):
            deadline = time.monotonic() + 20
            while log.lost < number and time.monotonic() < deadline:
                pass
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        log = Log(Level.INFO, LogFormat.TEXT)
        for number in range(4):
            log.message(Level.INFO, f"message {number}")
        log.open()
        wait_for(2)
        log.message(Level.INFO, "message 4")
        wait_for(3)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        log.message(Level.INFO, "message 5")
        log.close(20)
        print(log.lost, file=sys.stderr)
    """
    path = tmp_path / "log"
    with path.open("wb") as file:
        done = subprocess.run([sys.executable, "-c", program], stdout=file, stderr=subprocess.PIPE, check=False)
    assert done.stderr == b"3\n"
    *_, cut, report, last = path.read_text().splitlines()
    assert (report.partition(" warning ")[2], last.partition(" info ")[2], len(cut) < len(last)) == (
        "3 lines lost here, because the log could not be written: File too large",
        "message 5",
        True,
    )
