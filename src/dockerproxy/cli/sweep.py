"""Remove what the clients of a socket created, and nothing else.

The verb is a client of that socket, so the proxy must run and the policy must grant `own`. It removes services first,
then containers with their anonymous volumes, then networks and volumes. If it is interrupted, run it again.

  dockerproxy sweep --policy policy.yaml --older-than 2h job-a

exit status: 0 everything was removed, 1 something could not be removed, 2 usage or configuration error
"""

import argparse
from collections.abc import Callable, Mapping
from typing import Final

from dockerproxy.cli.arguments import add_policy_argument, choose_socket, read_time_ago
from dockerproxy.cli.request import fetch
from dockerproxy.cli.terminal import Style, paint, say
from dockerproxy.config.configuration import read_configuration
from dockerproxy.problems import Problem, UserError
from dockerproxy.tenancy import sweeps
from dockerproxy.tenancy.sweeps import Swept, find_obstacle

_PATIENCE: Final = 60.0
"""Seconds for an answer: a container may have to be killed first."""

_LONGEST: Final = 16 << 20
HINT: Final = 'grant "own", and lists only with the condition "own: true"; or set "sweep", which asks the engine itself'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the policy, the socket, and what to keep."""
    add_policy_argument(parser)
    add = parser.add_argument
    add("--older-than", metavar="TIME", help="keep younger objects; like 30m, 2h or 1d")
    add("--dry-run", action="store_true", help="only list what would be removed")
    add("socket", metavar="SOCKET", nargs="?", help="a socket of the policy; required if it has several")


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Sweep, and print what was removed and what was not."""
    sockets = read_configuration(environment, options.policy).settings.sockets
    served = choose_socket(sockets, options.socket, "sweep")
    if obstacle := find_obstacle(served.policy):
        raise UserError(Problem(served.name, obstacle, HINT))
    latest = None if options.older_than is None else read_time_ago("--older-than", options.older_than)
    all_swept: list[Swept] = []

    def tell(swept: Swept) -> None:
        all_swept.append(swept)
        verb = "would remove" if options.dry_run else "removed"
        bad = paint(f"left     {swept}: {swept.fault}", Style.BAD)
        say(bad if swept.fault else f"{verb}  {swept}")

    try:
        sweep(served.path, served.policy.owner, tell, latest, is_dry=options.dry_run)
    except OSError as error:
        text = f"the proxy does not answer: {error.strerror or error}"
        raise UserError(Problem(served.path, text, "start it with this policy: sweep is a client of it")) from error
    if not all_swept:
        say("nothing to remove")
    return 1 if any(swept.fault for swept in all_swept) else 0


def sweep(
    path: str, owner: str, tell: Callable[[Swept], None], latest: float | None = None, *, is_dry: bool = False
) -> None:
    """Remove the objects of an owner, through a socket that grants `own`, and report each attempt to `tell`.

    Objects that were created after the latest time, in seconds since 1970, are kept.
    """
    steps = sweeps.sweep(owner, tell, latest, is_dry=is_dry)
    try:
        ask = next(steps)
        while True:
            ask = steps.send(fetch(path, ask.method, ask.target, _PATIENCE, _LONGEST))
    except StopIteration:
        return
