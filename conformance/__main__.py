"""The command line: `python -m conformance --engine E PROXY --rows NAME`. README.md explains it."""

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from conformance.addresses import Address, listening, read_address
from conformance.engine import Engine
from conformance.sets import Mistake, RowSet, list_sets, read_set
from conformance.table import Table, write_sets
from conformance.trial import Trial

DIFFERS: Final = 1
WRONG_USE: Final = 2


def main(words: Sequence[str]) -> int:
    """Run the suite, and return the exit status."""
    options = make_parser().parse_args(words)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        return run(options)
    except Mistake as mistake:
        sys.stderr.write(f"conformance: {mistake}\n")
        return WRONG_USE


def run(options: argparse.Namespace) -> int:
    """Do what the options say, and return the exit status.

    Raises:
        Mistake: The options or their addresses or rows are invalid.
    """
    if options.list:
        sys.stdout.writelines(write_sets([read_set(name) for name in list_sets()]))
        return 0
    if not (options.engine and options.proxy and options.rows):
        raise Mistake("--engine E PROXY --rows NAME are needed, or --list")
    sets = [read_set(name) for name in options.rows]
    if len({each.switches for each in sets}) > 1:
        raise Mistake("these rows hold under different switches. Run the suite for each of them")
    return try_proxy(sets, read_address(options.engine), read_address(options.proxy), options)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description="Send rows of requests to a proxy of the Docker socket, and see which of them reach the engine. "
        "The proxy must be set up with the switches that the rows name, and must use E as the engine.",
        epilog="Exit status: 0 if no row differs, 1 if one does, 2 for an error in the command or in a set.",
    )
    parser.add_argument("proxy", metavar="PROXY", nargs="?", help="where the proxy listens: a path, or HOST:PORT")
    parser.add_argument(
        "--engine", metavar="E", help="where the suite listens as the engine: a path, or 127.0.0.1:PORT"
    )
    parser.add_argument("--rows", metavar="NAME", action="append", help="a set of rows, or the path of a file of them")
    parser.add_argument("--list", action="store_true", help="list the sets of rows, with their switches")
    parser.add_argument("--differing", action="store_true", help="print only the rows that differ")
    parser.add_argument(
        "--ignore",
        metavar="REQUEST",
        action="append",
        default=[],
        help="a request that the proxy itself makes, like 'GET /info'",
    )
    parser.add_argument(
        "--patience",
        metavar="SECONDS",
        type=float,
        default=5.0,
        help="how long to wait for a proxy that neither answers nor closes (%(default)g)",
    )
    return parser


def try_proxy(sets: Sequence[RowSet], at: Address, proxy: Address, options: argparse.Namespace) -> int:
    """Send the rows of some sets to a proxy."""
    table = Table(sys.stdout, os.environ, brief=options.differing)
    with listening(at) as listener:
        engine = Engine(listener)
        with engine.running():
            trial = Trial(proxy, engine, patience=options.patience, ignored=options.ignore)
            trial.begin()
            status = 0
            for rows in sets:
                table.begin(rows)
                outcomes = []
                for row in rows.rows:
                    try:
                        outcomes.append(trial.try_row(row, rewrites=rows.rewrites))
                    except OSError as error:
                        sys.stderr.write(
                            f"conformance: the proxy at {proxy} is gone, in the row {row.name!r}: {error}\n"
                        )
                        return DIFFERS
                    table.add(outcomes[-1])
                    status = DIFFERS if outcomes[-1].faults else status
                table.end(outcomes)
            return status


def stop(*_: object) -> NoReturn:
    """End at a signal, and leave no socket behind."""
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # The reader of the table has closed it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(DIFFERS)
