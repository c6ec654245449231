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
import os
from collections.abc import Mapping
from typing import Final

from dockerproxy.config.document import read_file
from dockerproxy.config.schema import make_schema

_LOG: Final = os.path.join(os.path.dirname(__file__), "log.schema.json")
"""The fields are those of `observe/record`, as `observe/log` writes them (test:
test_the_schema_has_the_fields_that_a_line_has_and_no_others)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what it takes."""
    parser.add_argument(
        "of", choices=("policy", "log"), nargs="?", default="policy", help="of what: policy (the default) or log"
    )


def run(options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print it."""
    schema = json.loads(read_file(_LOG)) if options.of == "log" else make_schema()
    print(json.dumps(schema, ensure_ascii=False, indent=2))
    return 0
