"""A folder that a killed run left is removed by the next one, and none that is in use."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from folders import remove_leftovers, short_folder

KEEPING = """
import sys
sys.path.insert(0, sys.argv[1])
from folders import short_folder
with short_folder() as folder:
    (folder / "file").touch()
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_stays() -> None:
    words = [sys.executable, "-c", KEEPING, str(Path(__file__).parent)]
    with (
        short_folder() as mine,
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
    ):
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().rstrip())
        seen: list[Path] = []
        assert str(theirs) not in remove_leftovers(seen.append)
        assert (theirs / "file").exists()
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        assert str(theirs) in remove_leftovers(seen.append)
        assert theirs in seen
        assert not theirs.exists()
        assert mine.exists()
    assert not mine.exists()
