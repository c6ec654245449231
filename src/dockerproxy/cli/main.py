"""The command line: verbs, and what becomes of the mistakes of whoever types them.

The environment opens what all clients of one socket may do: CONTAINERS=1 the reads of a section, POST=1 the writes of
the opened sections, ALLOW=ContainerStart a single operation, and nothing else but /_ping, /version and /events.
A policy file says it for many sockets, each with operations, presets and conditions of its own.

  dockerproxy demo
  dockerproxy run --preset testcontainers -- pytest
  CONTAINERS=1 dockerproxy explain POST /containers/web/restart
  dockerproxy check --policy policy.yaml
  CONTAINERS=1 PROXIED_SOCKET_PATH="$PWD/docker.sock" dockerproxy

exit status: 0 done; 1 the answer is no (explain, test, diff, verify, healthcheck); 2 something to
mend, all of it listed; 3 not proven (diff); 70 a bug, please report it
"""

import argparse
import errno
import gc
import importlib
import os
import sys
import textwrap
import traceback
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from dockerproxy.cli.terminal import find_width, show_all, show_problems
from dockerproxy.config.near import hint_at, show
from dockerproxy.host.descriptors import discard, occupy_standard
from dockerproxy.no_tls import forgo_tls
from dockerproxy.problems import Problem, UserError
from dockerproxy.version import describe

USAGE: Final = 2
"""Exit status for what an operator has to mend."""

_WIDEST: Final = 120
"""Columns of help."""

BUG: Final = 70
"""Exit status for a bug of ours (sysexits.h, EX_SOFTWARE)."""

VERBS: Final = {
    "serve": "run the proxy (the default)",
    "check": "say what serve would do, and what the policy exposes, without opening a socket",
    "explain": "say whether a request would be allowed, why, and what would change it",
    "test": "compare what a policy decides with what you expect, for your own CI",
    "diff": "say what two policies decide differently",
    "verify": "compare the policy with the engine and the host: what is missing, ignored or unsafe",
    "presets": "list the policies for known programs, or show one",
    "suggest": "make the smallest policy for what a log shows",
    "ask": "answer requests that no rule allows, of sockets in mode ask",
    "report": "make a page of what clients did, what was denied, and what a policy exposes",
    "schema": "print the JSON Schema of the policy file, for editors, or of the log",
    "top": "watch a running proxy: clients, requests, streams, and what is denied",
    "healthcheck": "ask the running proxy whether it lives and the engine answers",
    "run": "run a program whose way to the engine is a proxy of its own",
    "sweep": "remove what clients of a socket created, and nothing else",
    "demo": "put the proxy in front of the engine of this machine, or of a stand-in, and try it",
}
"""Each is a module beside this one. Its `add_arguments`, if it takes any, declares them; its `run` takes them and the
environment, prints the answer and returns the exit status. A `UserError` is shown with the status `USAGE`."""


def main(arguments: Sequence[str]) -> int:
    """Run a verb; return the exit status."""
    words = list(arguments) or ["serve"]
    try:
        gc.disable()
        options = _read(words)
        gc.freeze()  # Imported objects stay, so the collector never goes through them.
        gc.enable()
        status: int = options.run(options, os.environ)
    except UserError as error:
        show_problems(error.problems)
        return USAGE
    return status


def _read(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line, and say what is meant by a word that it does not know."""
    verb = words[0]
    if verb == "--policy":
        raise UserError(Problem(verb, "no verb before it", f"write dockerproxy serve {' '.join(words)}"))
    if verb.startswith("-") and (found := tuple(_find_options(words))):
        raise UserError(*found, Problem("the command", "is that of another proxy", "remove `command:`"))
    if verb not in VERBS and not verb.startswith("-"):
        raise UserError(Problem(show(verb), "unknown verb", hint_at(verb, VERBS, "`dockerproxy --help` lists them")))
    options, unknown = make_parser(words[:1]).parse_known_args(words)
    if unknown:
        is_policy = "policy" in options and unknown[0].endswith((".yaml", ".yml"))
        hint = f"write --policy {unknown[0]}" if is_policy else f"`dockerproxy {verb} --help` says what it takes"
        raise UserError(Problem(" ".join(unknown), "unknown argument", hint))
    return options


def _find_options(words: Sequence[str]) -> Iterator[Problem]:
    """Find options of another proxy, whose `command:` was kept, each with what to write here."""
    from dockerproxy.config.foreign import find_option  # noqa: PLC0415 (the others need not wait for its tables)

    for word in words:
        if says := find_option(word):
            yield Problem(show(word), "an option of another proxy", says)


def make_parser(whole: Collection[str]) -> argparse.ArgumentParser:
    """Make a parser that knows some verbs, or of all the name if none of these is one: those are not even imported."""
    parser = _Parser(
        prog="dockerproxy",
        description="A filtering proxy for the Docker and Podman socket, over unix sockets only.",
        epilog=_find_epilog(__doc__),
        formatter_class=_HelpFormatter,
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    known = {verb: says for verb, says in VERBS.items() if verb in whole}
    for verb in () if known else VERBS:
        verbs.add_parser(verb, help=VERBS[verb])
    for verb, says in known.items():
        module = importlib.import_module(f"dockerproxy.cli.{verb}")
        child = verbs.add_parser(
            verb,
            help=says,
            description=f"{says[0].upper()}{says[1:]}.",
            epilog=_find_epilog(module.__doc__),
            formatter_class=_HelpFormatter,
        )
        getattr(module, "add_arguments", lambda _: None)(child)
        child.set_defaults(run=module.run)
    return parser


def _find_epilog(documentation: str | None) -> str:
    """Return what follows the first paragraph of a module's documentation, which Python may leave out."""
    return (documentation or "").partition("\n\n")[2].rstrip("\n")


class _ShowVersion(argparse.Action):
    """Keeps lines as they are, which argparse's own action would wrap."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(parser.prog, describe())
        parser.exit()


class _Parser(argparse.ArgumentParser):
    """Adds no colours of Python's own: the terminal gets ours only."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.color = False  # From Python 3.14 on.


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wraps at the width of the terminal; what is indented is an example, and stays as it is."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=min(find_width() or _WIDEST, _WIDEST))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        del indent
        paragraphs = text.split("\n\n")
        return "\n\n".join(each if each.startswith(" ") else textwrap.fill(each, width) for each in paragraphs)


def entry() -> None:
    """Run as a program."""
    forgo_tls()
    occupy_standard()
    sys.stdout, sys.stderr = show_all(sys.stdout), show_all(sys.stderr)
    try:
        status = main(sys.argv[1:])
        if sys.stdout is not None:  # As Python leaves it where there was none.
            sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 (a bug is shown whole, and its status says that it is no answer)
        status = _end_badly(error)
    sys.exit(status)


def _end_badly(error: Exception) -> int:
    number = error.errno if isinstance(error, OSError) else None
    if number not in {errno.EPIPE, errno.ENOSPC}:
        traceback.print_exc()
        return BUG
    discard(sys.stdout.fileno())
    if number == errno.EPIPE:  # Whoever read the output has seen enough.
        return 0
    print("the output cannot be written: no space is left", file=sys.stderr)
    return USAGE
