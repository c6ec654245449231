"""Ask the running proxy whether it lives and the engine answers.

It asks through PROXIED_SOCKET_PATH, whatever PING says, and leaves a line in the log only at LOG_LEVEL=debug.
"""

import argparse
import sys
from collections.abc import Mapping
from http import HTTPStatus

from dockerproxy.api.catalog import HEALTH
from dockerproxy.cli.ask import ask
from dockerproxy.config.environment import read_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take none: the environment says where the socket is."""
    del parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what every socket says; 0 if all is well, else 1."""
    del options
    healthy = True
    for served in read_environment(environment).settings.sockets:
        try:
            status, message = ask(served.path, HEALTH.method, HEALTH.path)
        except OSError as error:
            status, message = 0, f"the proxy does not answer: {error.strerror or error}"
        healthy = healthy and status == HTTPStatus.OK
        print(f"{served.path}: {message}", file=sys.stdout if status == HTTPStatus.OK else sys.stderr)
    return 0 if healthy else 1
