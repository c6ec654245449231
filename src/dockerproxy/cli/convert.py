"""Print the policy file that the environment variables mean.

  CONTAINERS=1 POST=1 dockerproxy convert > policy.yaml
  docker compose run --rm -T dockerproxy convert > policy.yaml

Above a line that exposes more than its name says, a comment tells what. Variables that do nothing are told on
standard error.

exit status: 0 done, 2 something to mend, all of it listed
"""

import argparse
import sys
from collections.abc import Mapping

from dockerproxy.config.environment import read_environment
from dockerproxy.workbench.convert import convert


def run(_options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the file. A `POLICY_FILE` is left alone: it may be where the file is about to go."""
    variables = {name: value for name, value in environment.items() if name != "POLICY_FILE"}
    configured = read_environment(variables)
    print(convert(configured, variables), end="")
    for warning in configured.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return 0
