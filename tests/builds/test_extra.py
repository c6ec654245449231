"""What speaks HTTP/2 is an extra, and missed only where builds are granted."""

import subprocess
import sys

from waiting import PATIENCE

from dockerproxy.builds.extra import is_installed

WITHOUT = (
    "import sys; sys.modules['h2'] = None; from dockerproxy.builds.extra import is_installed; sys.exit(is_installed())"
)


def test_builds_need_h2() -> None:
    assert is_installed()
    assert subprocess.run([sys.executable, "-c", WITHOUT], check=False, timeout=PATIENCE).returncode == 0
