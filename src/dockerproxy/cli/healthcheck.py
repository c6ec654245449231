"""Check that the running proxy and the engine answer.

It checks every socket, whatever its policy allows. The proxy logs the check only with LOG_LEVEL=debug.

exit status: 0 healthy, 1 unhealthy, 2 usage or configuration error
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
    """Declare the policy file, which has the paths of the sockets."""
    add_policy_argument(parser)


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the answer of every socket; return 0 if all are healthy, else 1."""
    healthy = True
    for served in read_configuration(environment, options.policy).settings.sockets:
        try:
            status, message = ask(served.path, HEALTH.method, HEALTH.path)
        except OSError as error:
            status, message = 0, f"the proxy does not answer: {error.strerror or error}; is it running, with this path?"
        healthy = healthy and status == HTTPStatus.OK
        remark = served.remark
        if remark and remark not in message:  # The running proxy may have loaded another policy.
            message += f"; {remark}"
        print(f"{served.path}: {message}", file=sys.stdout if status == HTTPStatus.OK else sys.stderr)
    return 0 if healthy else 1
