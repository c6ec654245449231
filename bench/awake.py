"""Keep a processor busy with nothing, so that it never sleeps while others are measured.

    python bench/awake.py

A virtual processor that has had nothing to do for a while (0.2 ms with Linux's haltpoll) is given away, and to wake it
takes a tenth of a millisecond: the client's and the engine's would sleep while a proxy works for longer than that, and
the wait for them to wake would be counted as the proxy's. Everything else that runs goes before this, at once
(sched(7), SCHED_IDLE).
"""

import os
import sys


def main() -> int:
    """Do nothing, until stopped."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while True:
        pass


if __name__ == "__main__":
    sys.exit(main())
