"""Ask the running proxy whether it lives and the engine answers.

It asks through every socket, whatever they allow, and leaves a line in the log only at LOG_LEVEL=debug.

exit status: 0 all is well, 1 something is not, 2 something to mend
"""

import argparse
import sys
from collections.abc import Mapping
from http import HTTPStatus

from dockerproxy.api.catalog import HEALTH
from dockerproxy.cli.arguments import add_policy_argument
from dockerproxy.cli.request import ask
from dockerproxy.config.configuration import read_configuration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the policy file, which says where the sockets are."""
    add_policy_argument(parser)


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what every socket says; 0 if all is well, else 1."""
    healthy = True
    for served in read_configuration(environment, options.policy).settings.sockets:
        try:
            status, message = ask(served.path, HEALTH.method, HEALTH.path)
        except OSError as error:
            status, message = 0, f"the proxy does not answer: {error.strerror or error}; is it running, with this path?"
        healthy = healthy and status == HTTPStatus.OK
        remark = served.remark
        if remark and remark not in message:  # The running proxy may have another policy than this one.
            message += f"; {remark}"
        print(f"{served.path}: {message}", file=sys.stdout if status == HTTPStatus.OK else sys.stderr)
    return 0 if healthy else 1
