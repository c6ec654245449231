"""Print the JSON Schema of the policy file, for editors, or of the log, for those who collect it.

  dockerproxy schema > dockerproxy.schema.json
  dockerproxy schema log > log.schema.json

With this as its first line, a policy file is completed and checked by editors that speak to yaml-language-server, like
VS Code with the YAML extension, Neovim or Helix; a path is relative to the file:

  # yaml-language-server: $schema=dockerproxy.schema.json

What a schema cannot know, like a grant that a denial makes useless, `dockerproxy check` says. That of the log is for a
line with LOG_FORMAT=json, and says which fields are stable.
"""

import argparse
import json
from collections.abc import Mapping
from typing import Final

from dockerproxy.config.schema import make_schema
from dockerproxy.workbench.log_schema import make_log_schema

_MAKERS: Final = {"policy": make_schema, "log": make_log_schema}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what it takes."""
    parser.add_argument(
        "of", choices=tuple(_MAKERS), nargs="?", default="policy", help="of what: policy (the default) or log"
    )


def run(options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print it."""
    print(json.dumps(_MAKERS[options.of](), ensure_ascii=False, indent=2))
    return 0
