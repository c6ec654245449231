"""Read a policy file as the proxy does at its start, and print the seconds that it took.

    python bench/loading.py FILE

A process of its own, so that nothing is known from an earlier reading. Starting Python is not counted: the start
of the proxy is measured elsewhere.
"""

import sys
import time

from dockerproxy.config.policy_file import read_policy_file


def main() -> int:
    """Read the file that the command line names; give the exit status."""
    began = time.perf_counter()
    read_policy_file(sys.argv[1])
    print(time.perf_counter() - began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
