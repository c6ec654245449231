"""Print the JSON Schema of the policy file, for editors.

  dockerproxy schema > dockerproxy.schema.json

With this as its first line, a policy file is completed and checked by editors that speak to yaml-language-server, like
VS Code with the YAML extension, Neovim or Helix; a path is relative to the file:

  # yaml-language-server: $schema=dockerproxy.schema.json

What a schema cannot know, like a grant that a denial makes useless, `dockerproxy check` says.
"""

import argparse
from collections.abc import Mapping

from dockerproxy.config.schema import make_schema, write_schema


def run(_options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print it."""
    print(write_schema(make_schema()))
    return 0
