"""Run the proxy beside a program: in a separate, sandboxed process that serves like `serve`."""

import os
from collections.abc import Callable
from functools import partial
from typing import Final

from dockerproxy.cli.learned import make_learner, read_former
from dockerproxy.cli.plan import NAME, Plan
from dockerproxy.cli.serve import serve
from dockerproxy.cli.terminal import show_problems
from dockerproxy.config.document import read_file
from dockerproxy.config.environment import Configured
from dockerproxy.host.children import Serving, fork_serving
from dockerproxy.host.files import write_atomically
from dockerproxy.host.learned import place_of
from dockerproxy.host.systemd import NO_SERVICE, READY
from dockerproxy.observe.log import Log
from dockerproxy.problems import UserError
from dockerproxy.process_settings import Settings

SOMETHING_TO_MEND: Final = 2
_LEARNED: Final = "learned"


def serve_beside(plan: Plan, directory: str) -> Serving:
    """Start the proxy in a private directory."""
    learned = os.path.join(directory, _LEARNED) if plan.learn else ""
    if learned:
        os.mkdir(learned, 0o700)
        former = read_former(plan.learn)
        if former:
            write_atomically(place_of(learned, NAME), former)
    return fork_serving(partial(_serve, plan.settings_in(directory, learned)))


def take_learned(directory: str) -> str:
    """Return the policy that the proxy learned in a private directory; empty if there were no requests."""
    path = place_of(os.path.join(directory, _LEARNED), NAME)
    return read_file(path) if os.path.lexists(path) else ""


def _serve(settings: Settings, descriptor: int, tell_ready: Callable[[], None]) -> int:
    configured = Configured(settings, {}, ())
    log = Log(settings.log_level, settings.log_format, descriptor)

    def hear(state: str) -> None:
        if state == READY:
            tell_ready()

    try:
        serve(configured, log, lambda: configured, make_learner=make_learner, service=NO_SERVICE._replace(tell=hear))
    except UserError as error:
        show_problems(error.problems)
        return SOMETHING_TO_MEND
    return 0
