"""The command line: it reads the verb and runs its module.

Environment variables configure one socket: CONTAINERS=1 allows the reads of a section, POST=1 the writes of all
enabled sections, ALLOW=ContainerStart a single operation. /_ping, /version and /events are allowed by default, all
else is denied. A policy file configures several sockets, each with its own operations, presets and conditions.

  dockerproxy demo
  dockerproxy run --preset testcontainers -- pytest
  CONTAINERS=1 dockerproxy explain POST /containers/web/restart
  dockerproxy check --policy policy.yaml
  CONTAINERS=1 PROXIED_SOCKET_PATH="$PWD/docker.sock" dockerproxy

exit status: 0 success; 1 negative result (explain, test, diff, verify, healthcheck); 2 usage or configuration error,
with all problems listed; 3 not proven (diff); 70 internal error, please report it
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
"""Exit status for mistakes that the operator can fix."""

_NAME: Final = "dockerproxy"

_WIDEST: Final = 120
"""Columns that help uses at most."""

BUG: Final = 70
"""Exit status for an internal error (sysexits.h, EX_SOFTWARE)."""

VERBS: Final = {
    "serve": "run the proxy (the default)",
    "check": "show what serve would do and what the policy exposes, without opening a socket",
    "explain": "show whether a request would be allowed, why, and how to change that",
    "test": "test a policy against your expectations, for example in CI",
    "diff": "compare what two policies allow",
    "verify": "check the policy against the running engine and this host",
    "presets": "list the presets for known programs, or show one",
    "suggest": "generate the smallest policy that allows the requests in a log",
    "ask": "answer requests that the policy does not allow, on sockets in mode ask",
    "report": "write an HTML report of client activity, denials and exposures",
    "schema": "print the JSON Schema of the policy file or of the log",
    "top": "watch a running proxy: clients, requests, streams and denials",
    "healthcheck": "check that the running proxy and the engine answer",
    "run": "run a program that reaches the engine through its own proxy",
    "sweep": "remove what the clients of a socket created, and nothing else",
    "demo": "try the proxy with this machine's engine, or with a stand-in",
}
"""Each verb is a module beside this one. Its `add_arguments`, if any, declares arguments. Its `run` takes the parsed
arguments and the environment, prints the answer and returns the exit status. A `UserError` gives the status `USAGE`."""

_VERBS_AT: Final = 4 + max(map(len, VERBS))
"""Columns before the descriptions of verbs, without the gap."""


def main(arguments: Sequence[str]) -> int:
    """Run a verb; return the exit status."""
    words = list(arguments) or ["serve"]
    try:
        gc.disable()
        options = _read(words)
        gc.freeze()  # Imported objects stay, so the collector need not visit them.
        gc.enable()
        status: int = options.run(options, os.environ)
    except UserError as error:
        show_problems(error.problems)
        return USAGE
    return status


def _read(words: Sequence[str]) -> argparse.Namespace:
    """Parse the command line. Raises `UserError` with a suggestion for unknown words."""
    verb = words[0]
    if verb == "--policy":
        raise UserError(Problem(verb, "missing verb before it", f"write `dockerproxy serve {' '.join(words)}`"))
    if verb.startswith("-") and (found := tuple(_find_options(words))):
        raise UserError(*found, Problem("command", "has options of another proxy", "remove `command:`"))
    if verb not in VERBS and not verb.startswith("-"):
        raise UserError(Problem(show(verb), "unknown verb", hint_at(verb, VERBS, "`dockerproxy --help` lists them")))
    if verb == "presets" and words[1:] and words[1] != "show" and not words[1].startswith("-"):
        words = (verb, "show", *words[1:])
    options, unknown = make_parser(words[:1]).parse_known_args(words)
    if unknown:
        is_policy = "policy" in options and unknown[0].endswith((".yaml", ".yml"))
        hint = f"write --policy {unknown[0]}" if is_policy else f"`dockerproxy {verb} --help` lists the arguments"
        raise UserError(Problem(" ".join(unknown), "unknown argument", hint))
    return options


def _find_options(words: Sequence[str]) -> Iterator[Problem]:
    """Find options of another proxy, in a `command:` that was kept, each with its replacement here."""
    from dockerproxy.config.foreign import find_option  # noqa: PLC0415 (loads its tables only if needed)

    for word in words:
        if says := find_option(word):
            yield Problem(show(word), "an option of another proxy", says)


def make_parser(whole: Collection[str]) -> argparse.ArgumentParser:
    """Make a parser with the arguments of these verbs; without a known verb, only with the names of all.

    Modules of other verbs are not imported.
    """
    parser = _Parser(
        prog=_NAME,
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
    """Return a module's docstring, which -OO removes, without its first paragraph and its link to attacks."""
    return (documentation or "").partition("\n\n")[2].partition("\n\nAttacks: ")[0].rstrip("\n")


class _ShowVersion(argparse.Action):
    """Prints the version without wrapping it, unlike argparse's action."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(parser.prog, describe())
        parser.exit()


class _Parser(argparse.ArgumentParser):
    """Disables argparse's own colours."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.color = False  # Python 3.14 and newer.


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wraps at the width of the terminal, except examples, which are indented."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=min(find_width() or _WIDEST, _WIDEST))
        if prog == _NAME:
            self._action_max_length = _VERBS_AT  # argparse forgets that verbs are indented further than options.

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        del indent
        paragraphs = text.split("\n\n")
        return "\n\n".join(each if each.startswith(" ") else textwrap.fill(each, width) for each in paragraphs)


def entry() -> None:
    """Run the command line as a program."""
    forgo_tls()
    occupy_standard()
    sys.stdout, sys.stderr = show_all(sys.stdout), show_all(sys.stderr)
    try:
        status = main(sys.argv[1:])
        if sys.stdout is not None:  # None if the descriptor was closed.
            sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 (a bug is shown with its traceback and status)
        status = _end_badly(error)
    sys.exit(status)


def _end_badly(error: Exception) -> int:
    number = error.errno if isinstance(error, OSError) else None
    if number not in {errno.EPIPE, errno.ENOSPC}:
        traceback.print_exc()
        return BUG
    discard(sys.stdout.fileno())
    if number == errno.EPIPE:  # The reader, like head(1), has closed the pipe.
        return 0
    print("the output cannot be written: no space left", file=sys.stderr)
    return USAGE
