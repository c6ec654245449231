"""Print the JSON Schema of the policy file or of the log.

  dockerproxy schema > dockerproxy.schema.json
  dockerproxy schema log > log.schema.json

Editors that use yaml-language-server, like VS Code with the YAML extension, Neovim or Helix, complete and check a
policy file that begins with this line. The path is relative to the file:

  # yaml-language-server: $schema=dockerproxy.schema.json

`dockerproxy check` also finds mistakes that a schema cannot express, like a grant that a denial makes useless. The
schema of the log describes a line with LOG_FORMAT=json, and which fields are stable.
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
    """Declare the choice of the schema."""
    parser.add_argument(
        "of", choices=("policy", "log"), nargs="?", default="policy", help="policy (the default) or log"
    )


def run(options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print the schema."""
    schema = json.loads(read_file(_LOG)) if options.of == "log" else make_schema()
    print(json.dumps(schema, ensure_ascii=False, indent=2))
    return 0
