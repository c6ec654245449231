"""The command line: verbs, and what becomes of the mistakes of whoever types them."""

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from dockerproxy.errors import UserError

USAGE: Final = 2
"""Exit status for what an operator has to mend."""

BUG: Final = 70
"""Exit status for a bug of ours (sysexits.h, EX_SOFTWARE)."""

VERBS: Final = {
    "serve": "run the proxy (the default)",
    "check": "say what serve would do, and what the policy exposes, without opening a socket",
    "explain": "say whether a request would be allowed, why, and what would change it",
    "operations": "list what exists in the Docker and Podman API, and what each operation reveals or changes",
    "healthcheck": "ask the running proxy whether it lives and the engine answers",
    "demo": "put the proxy in front of the engine of this machine, or of a stand-in, and try it",
}
"""Each is a module beside this one, with `add_arguments` and `run`."""

_EPILOG: Final = """\
The environment configures everything: CONTAINERS=1 opens the reads of a section, POST=1 the writes of the opened
sections, ALLOW=ContainerStart a single operation. Nothing else is open but /_ping, /version and /events.

  CONTAINERS=1 dockerproxy check
  CONTAINERS=1 dockerproxy explain POST /containers/web/restart
  CONTAINERS=1 PROXIED_SOCKET_PATH=/run/user/1000/proxied.sock dockerproxy

exit status: 0 done; 1 the answer is no (explain, healthcheck); 2 something to mend, all of it listed;
70 a bug, please report it"""


def main(arguments: Sequence[str]) -> int:
    """Run a verb; return the exit status."""
    parser = _make_parser()
    options = parser.parse_args(list(arguments) or ["serve"])
    try:
        status: int = options.run(options, os.environ)
    except UserError as error:
        print(error, file=sys.stderr)
        return USAGE
    return status


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dockerproxy",
        description="A filtering proxy for the Docker and Podman socket, over unix sockets only.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dockerproxy {version('dockerproxy')}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb, says in VERBS.items():
        module = importlib.import_module(f"dockerproxy.cli.{verb}")
        child = verbs.add_parser(
            verb,
            help=says,
            description=f"{says[0].upper()}{says[1:]}.",
            epilog=module.__doc__.partition("\n\n")[2] if module.__doc__ else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(child)
        child.set_defaults(run=module.run)
    return parser


def entry() -> None:
    """Run as a program."""
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except Exception:  # noqa: BLE001 (a bug is shown whole, and its status says that it is no answer)
        traceback.print_exc()
        status = BUG
    sys.exit(status)
