"""List what exists in the Docker and Podman API, and what each operation reveals or changes.

  dockerproxy operations containers      # a section
  dockerproxy operations libpod/pods     # a section of Podman's own API
  dockerproxy operations password        # whatever mentions a word

exit status: 0 done, 1 nothing found
"""

import argparse
from collections.abc import Mapping

from dockerproxy.api.catalog import OPERATIONS, SECTIONS, Operation
from dockerproxy.cli.terminal import Style, paint, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take words to filter by."""
    parser.add_argument("words", metavar="WORD", nargs="*", help="a section, or text in a name, a path or a phrase")


def run(options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print a table; 1 if nothing matches."""
    found = [operation for operation in OPERATIONS.values() if all(_matches(operation, w) for w in options.words)]
    if not found:
        say(f"no operation matches; the sections are {', '.join(SECTIONS)}")
        return 1
    name = max(len(operation.name) for operation in found)
    path = max(len(operation.path) for operation in found)
    section = ""
    for operation in found:
        if operation.section != section:
            section = operation.section
            say("", paint(section, Style.STRONG))
        say(
            f"  {operation.name:<{name}}  {operation.access:<5}  {operation.method:<6}  {operation.path:<{path}}"
            f"  {operation.says}"
        )
    return 0


def _matches(operation: Operation, word: str) -> bool:
    if word in SECTIONS:
        return operation.section == word
    text = f"{operation.name} {operation.path} {operation.says}"
    return word.casefold() in text.casefold()
