"""Run a program whose way to the engine is a proxy of its own.

  dockerproxy run --preset own-compose -- ./my-program        # docker compose: only what it creates itself
  dockerproxy run --preset ci -- ./my-program                 # a CI job, likewise
  dockerproxy run --preset ai-agent -- ./my-program           # an AI agent, with bounded containers
  dockerproxy run --preset testcontainers -- ./my-program
  dockerproxy run --mode report --preset ci -- ./my-program   # once: it denies nothing, and ends with what is missing
  dockerproxy run --allow own --allow 'ContainerCreate: {images: [busybox]}' --sweep -- ./my-program
  dockerproxy run --allow ContainerList --allow 'ContainerLogs: {containers: ["web-*"]}' -- ./my-program
  dockerproxy run --allow 'ContainerCreate: {images: [python:3.13], binds: ["$PWD"]}' -- ./my-program
  dockerproxy run --learn learned.yaml -- ./my-program     # once: it denies nothing
  dockerproxy run --policy learned.yaml -- ./my-program    # from then on

A program that creates needs a grant for each kind of create, which `own` does not include; these presets have them.
The program keeps the terminal, and gets the signals that are sent to this command. A summary follows on standard error.
DOCKER_HOST, CONTAINER_HOST and TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE name a private socket. It is no sandbox: the
program runs as you, and if you may open the engine's own socket by its path, so may the program.

exit status: that of the program, 128+N if signal N ended it, 2 something to mend, 125 the proxy failed, 126 the program
cannot be run, 127 it is not found
"""

import argparse
import re
import shlex
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from dockerproxy.cli import builders
from dockerproxy.cli.beside import SOMETHING_TO_MEND, serve_beside, take_learned
from dockerproxy.cli.learned import write_learned
from dockerproxy.cli.lines import split_lines
from dockerproxy.cli.plan import Plan, make_plan
from dockerproxy.cli.suggest import Missing
from dockerproxy.cli.summary import Summary
from dockerproxy.cli.sweep import sweep
from dockerproxy.cli.terminal import Style, paint, say, show_problems
from dockerproxy.config.process import ENGINE_VARIABLES
from dockerproxy.host import children
from dockerproxy.host.descriptors import discard
from dockerproxy.host.private import SOCKET, private_directory
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.policy.asking import extend
from dockerproxy.policy.compile import OWN_GRANT, CompiledPolicy
from dockerproxy.policy.model import Grant, Mode, values_of
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.values import write_grant
from dockerproxy.policy.vocabulary import UNRESTRICTED, conditions_of
from dockerproxy.problems import Problem
from dockerproxy.workbench.learned import LearnedGrant, write_comment, write_impossible
from dockerproxy.workbench.reading import Records
from dockerproxy.workbench.verdict import list_verdicts

PROXY_FAILED: Final = 125
CANNOT_RUN: Final = 126
NOT_FOUND: Final = 127
"""Exit statuses that programs which run others have: env(1), timeout(1), docker(1)."""

SIGNALLED: Final = 128
"""What is added to the number of a signal."""

_TYPED: Final = re.compile("[ :}]")
"""Ends the operation of a typed grant."""

_SOCKET_URLS: Final = ("DOCKER_HOST", "CONTAINER_HOST")
_SOCKET_PATHS: Final = ("TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE",)

_OF_ANOTHER_HOST: Final = (
    *("DOCKER_SOCKET_PATH", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
    *("CONTAINER_CONNECTION", "CONTAINER_SSHKEY", "CONTAINER_TLS_CA", "CONTAINER_TLS_CERT", "CONTAINER_TLS_KEY"),
)
"""Name another engine, or how to speak to it. For Docker's command line DOCKER_HOST wins over DOCKER_CONTEXT
(docker/cli, resolveContextName); for Podman CONTAINER_CONNECTION wins over CONTAINER_HOST (cmd/podman/root.go)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what the program may do, and the program."""
    grants = "(--preset NAME | --allow GRANT | --policy FILE | --learn FILE)"
    parser.usage = f"%(prog)s {grants} [OPTION...] -- COMMAND [ARGUMENT...]"
    add = parser.add_argument
    add("--preset", metavar="NAME", action="append", default=[], help="allow what a known program needs; repeatable")
    add("--allow", metavar="GRANT", action="append", default=[], help="allow this item of a policy file; repeatable")
    add("--policy", metavar="FILE", help="allow what a socket of a policy file allows")
    add("--socket", metavar="NAME", help="which socket of the policy; needed where it has several")
    add("--learn", metavar="FILE", help="deny nothing, and write there the smallest policy for what was used")
    add("--mode", metavar="MODE", help="enforce, or report: deny nothing, and say what would have been denied")
    add("--host", metavar="SOCKET", help="the engine's socket; without it DOCKER_HOST, or the usual places")
    add("--sweep", action="store_true", help="remove at the end what the program created, and nothing else")
    add("--quiet", action="store_true", help="do not sum up at the end")
    add("command", metavar="-- COMMAND", nargs=argparse.REMAINDER, help="the program and its arguments")


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Run the program, and return its exit status."""
    plan = make_plan(options, environment)
    held = children.hold_signals()
    with private_directory(environment) as directory:
        socket = f"{directory}/{SOCKET}"
        serving = serve_beside(plan, directory)
        if not serving.is_ready:
            status = children.stop_serving(serving.process)
            return status if status == SOMETHING_TO_MEND else PROXY_FAILED
        summary = Summary(learns=bool(plan.learn), reports=plan.mode is Mode.REPORT)
        missing = Missing(plan._replace(mode=Mode.ENFORCE).settings_in(directory, "").sockets[0])
        if plan.mode is Mode.REPORT and not plan.is_quiet:
            _complain("--mode report: everything passes, as without the proxy")
        records = Records(split_lines(serving.log))
        reading = threading.Thread(target=_note_all, args=(records, summary, missing), name="records")
        reading.start()
        clean = partial(_sweep, socket, plan.owner_in(directory), summary) if plan.sweeps else lambda: None
        given = {**make_environment(environment, plan.engine, socket), **_choose_builder(plan, environment)}
        status = _run(plan, given, serving.process, held, clean)
        reading.join()
        serving.log.close()
        if not summary.total and status in {CANNOT_RUN, NOT_FOUND}:
            return status
        learned = take_learned(directory) if plan.learn else ""
        problems = write_learned(plan.learn, learned) if learned else ()
        try:
            if not plan.is_quiet:
                summary.print_all()
            if plan.mode is Mode.REPORT and not plan.is_quiet:
                say(*_list_missing(plan, options, missing), stream=sys.stderr)
            if plan.learn:
                _tell_learned(plan, learned, problems)
        except OSError:  # Nobody reads it any more, and the status still counts.
            discard(sys.stderr.fileno())
        return PROXY_FAILED if problems else status


def _note_all(records: Iterable[tuple[Record, float]], summary: Summary, missing: Missing) -> None:
    """Note records as they come."""
    for record, when in records:
        summary.note(record)
        if record.decision is Outcome.REPORTED:
            missing.note(record, when)


def _list_missing(plan: Plan, options: argparse.Namespace, missing: Missing) -> Iterator[str]:
    """Say in one block to paste what is missing: lines of the policy file, or the whole command."""
    if plan.served is not None:
        yield from missing.describe(options.policy)
        return
    learned = missing.learned()
    owns = any(OWN in values_of(grant.conditions) for line in plan.lines for grant in line.grants)
    grants = [grant for grant in learned.grants if not (owns and _is_of_own(grant))]
    notes = [
        line
        for grant in grants
        for remark in (*grant.openings, *grant.remarks, *grant.doubts)
        for line in write_comment(f"{grant.operation}: {remark}", "")
    ]
    notes += (*missing.list_untold(), *write_impossible(learned))
    yield from notes or (() if grants else ("nothing is missing: run it without --mode report",))
    if not grants:
        return
    named = {grant.operation for grant in grants}
    kept = [text for text in options.allow if _TYPED.split(text.lstrip(" {"), maxsplit=1)[0] not in named]
    yield from (f"# {verdict}" for verdict in list_verdicts(_extend(plan._replace(mode=Mode.ENFORCE).policy, grants)))
    yield "# Enforced, with all that was missing:"
    yield "dockerproxy run \\"
    typed = [("--host", options.host)] if options.host is not None else []
    typed += [*(("--preset", name) for name in options.preset), *(("--allow", text) for text in kept)]
    typed += (("--allow", write_grant(grant.operation, grant.conditions)) for grant in grants)
    yield from (f"  {shlex.join(words)} \\" for words in typed)
    yield f"  -- {shlex.join(plan.command)}"


def _extend(policy: CompiledPolicy, grants: Iterable[LearnedGrant]) -> CompiledPolicy:
    """Return a policy with more grants, to judge what all of it exposes."""
    more = (
        OWN_GRANT
        if grant.operation == OWN
        else Grant(frozenset({grant.operation}), grant.operation, conditions_of(grant.conditions))
        for grant in grants
    )
    return extend(policy, tuple(more))


def _is_of_own(grant: LearnedGrant) -> bool:
    """Whether `own` allows it in mode enforce, where the objects of the program have ownership labels."""
    return grant.operation == OWN or (OWN in grant.conditions and UNRESTRICTED.word not in grant.conditions)


def make_environment(environment: Mapping[str, str], engine: str, socket: str) -> dict[str, str]:
    """Return the environment of the program: nothing that we give it names another socket than ours."""
    engines = [name for name in ENGINE_VARIABLES if environment.get(name) == engine]
    others = {name: value for name, value in environment.items() if name not in (*_OF_ANOTHER_HOST, *engines)}
    return {**others, **dict.fromkeys(_SOCKET_URLS, f"unix://{socket}"), **dict.fromkeys(_SOCKET_PATHS, socket)}


def _choose_builder(plan: Plan, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Have a program build the classic way where it could not build otherwise, and say so."""
    reason = builders.find_reason(plan.policy, plan.engine, environment)
    if reason:
        say(f"dockerproxy: the program gets {builders.VARIABLE}=0, because {reason}", stream=sys.stderr)
    return {builders.VARIABLE: "0"} if reason else {}


def _run(
    plan: Plan, environment: Mapping[str, str], serving: int, held: Iterable[int], clean: Callable[[], None]
) -> int:
    """Run the program to its end, clean up, then have the serving process end; return the exit status."""
    served = None
    if pending := children.find_pending():
        status = SIGNALLED + pending
    else:
        try:
            program = children.start_program(plan.command, environment, held)
        except OSError as error:
            _complain(f"{plan.command[0]}: {error.strerror or error}")
            status = NOT_FOUND if isinstance(error, FileNotFoundError) else CANNOT_RUN
        else:
            text = "the proxy has ended with status {}, so the program is told to end (SIGTERM)"
            status, served = children.attend(program, serving, lambda ended: _complain(text.format(ended)))
    if served is None:
        clean()
        children.stop_serving(serving)
    return status if served is None else PROXY_FAILED


def _sweep(socket: str, owner: str, summary: Summary) -> None:
    try:
        sweep(socket, owner, summary.note_swept)
    except OSError as error:
        _complain(f"not swept: the proxy does not answer: {error.strerror or error}")


def _tell_learned(plan: Plan, learned: str, problems: tuple[Problem, ...]) -> None:
    """Say what to do with what was learned. What cannot be written is printed, since it would be lost."""
    if problems:
        show_problems(problems)
        say(learned, stream=sys.stderr)
    elif not learned:
        _complain(f"nothing was asked for, so there is nothing to write to {plan.learn}")
    elif not plan.is_quiet:
        command = shlex.join(("dockerproxy", "run", "--policy", plan.learn, "--", *plan.command))
        say(f"  learned   {plan.learn}; read it, then enforce it:", f"  {command}", stream=sys.stderr)


def _complain(text: str) -> None:
    say(paint(f"dockerproxy: {text}", Style.BAD, sys.stderr), stream=sys.stderr)
