"""Run a program that reaches the engine through its own proxy.

  dockerproxy run --preset own-compose -- ./my-program  # Docker Compose
  dockerproxy run --preset ci -- ./my-program           # a CI job
  dockerproxy run --preset ai-agent -- ./my-program     # an AI agent
  dockerproxy run --preset testcontainers -- ./my-program
  dockerproxy run --mode report --preset ci -- ./my-program
  dockerproxy run --allow own --allow 'ContainerCreate: {images: [busybox]}' --sweep -- ./my-program
  dockerproxy run --allow ContainerList --allow 'ContainerLogs: {containers: ["web-*"]}' -- ./my-program
  dockerproxy run --allow 'ContainerCreate: {images: [python:3.13], binds: ["$PWD"]}' -- ./my-program
  dockerproxy run --learn learned.yaml -- ./my-program   # deny nothing, learn
  dockerproxy run --policy learned.yaml -- ./my-program  # enforce it

--mode report denies nothing and ends with the missing grants. The presets above also allow creating objects; with
`own`, add a grant for each kind of create.

The program keeps the terminal, and signals to this command are passed on to it. DOCKER_HOST, CONTAINER_HOST and
TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE name the private socket of the proxy. A summary follows on standard error.

This is not a sandbox: the program runs as your user. If you can open the engine's socket, so can the program.

exit status: that of the program, 128+N if signal N ended it, 2 usage or configuration error, 125 the proxy failed, 126
the program cannot be run, 127 the program is not found

Attacks: docs/attacks.md, cli/run.
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
from dockerproxy.policy.compile import OWN_GRANT, CompiledPolicy, compile_policy
from dockerproxy.policy.model import CREATES, Grant, Mode, Source, values_of
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
"""Exit statuses that env(1), timeout(1) and docker(1) use, too."""

SIGNALLED: Final = 128
"""Added to the number of the signal that ended the program."""

_TYPED: Final = re.compile("[ :}]")
"""Characters that end the operation in a `--allow` grant."""

_SOCKET_URLS: Final = ("DOCKER_HOST", "CONTAINER_HOST")
_SOCKET_PATHS: Final = ("TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE",)

_OF_ANOTHER_HOST: Final = (
    *("DOCKER_SOCKET_PATH", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
    *("CONTAINER_CONNECTION", "CONTAINER_SSHKEY", "CONTAINER_TLS_CA", "CONTAINER_TLS_CERT", "CONTAINER_TLS_KEY"),
    *("CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE", "PODMAN_CONNECTIONS_CONF", "BUILDKIT_HOST"),
)
"""Variables that select another engine, or how to connect to it. For Docker's command line, DOCKER_HOST overrides
DOCKER_CONTEXT (docker/cli, resolveContextName). For Podman, CONTAINER_CONNECTION overrides CONTAINER_HOST
(cmd/podman/root.go), which `env` in a file of CONTAINERS_CONF overrides."""

_BUILDER: Final = {"BUILDX_BUILDER": "default"}
"""The builder of the engine. Without it, buildx and Compose use what `docker buildx use --global` chose."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the program may do, and the program."""
    parser.usage = (
        "%(prog)s (--preset NAME | --allow GRANT | --policy FILE |\n"
        "                        --learn FILE) [OPTION...] -- COMMAND [ARGUMENT...]"
    )
    add = parser.add_argument
    add("--preset", metavar="NAME", action="append", default=[], help="allow what a known program needs; repeatable")
    add("--allow", metavar="GRANT", action="append", default=[], help="allow this grant of a policy file; repeatable")
    add("--policy", metavar="FILE", help="use the policy of a socket in this file")
    add("--socket", metavar="NAME", help="a socket of the policy; required if it has several")
    add("--learn", metavar="FILE", help="deny nothing, and write the smallest policy for these requests")
    add("--mode", metavar="MODE", help="enforce, or report: deny nothing, and show what would be denied")
    add("--host", metavar="SOCKET", help="the engine's socket (default: DOCKER_HOST, or the usual paths)")
    add("--sweep", action="store_true", help="at the end, remove what the program created, and nothing else")
    add("--quiet", action="store_true", help="print no summary")
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
        summary = Summary(learns=bool(plan.learn), reports=plan.mode is Mode.REPORT, leaves=plan.leaves)
        missing = Missing(plan._replace(mode=Mode.ENFORCE).settings_in(directory, "").sockets[0])
        if plan.mode is Mode.REPORT and not plan.is_quiet:
            _complain("--mode report: nothing is denied")
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
        except OSError:  # The reader has gone, but the exit status still counts.
            discard(sys.stderr.fileno())
        return PROXY_FAILED if problems else status


def _note_all(records: Iterable[tuple[Record, float]], summary: Summary, missing: Missing) -> None:
    """Note each record as it arrives."""
    for record, when in records:
        summary.note(record, follows=record.decision is Outcome.REPORTED and missing.note(record, when))


def _list_missing(plan: Plan, options: argparse.Namespace, missing: Missing) -> Iterator[str]:
    """Yield the missing grants as one block to paste: lines of the policy file, or the whole command."""
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
    replaced = {grant.operation for grant in grants}.intersection(CREATES)
    kept = [text for text in options.allow if _TYPED.split(text.lstrip(" {"), maxsplit=1)[0] not in replaced]
    yield from (f"# {verdict}" for verdict in list_verdicts(_extend(plan._replace(mode=Mode.ENFORCE).policy, grants)))
    yield "# Enforced, with all that was missing:"
    yield "dockerproxy run \\"
    typed = [("--host", options.host)] if options.host is not None else []
    typed += [*(("--preset", name) for name in options.preset), *(("--allow", text) for text in kept)]
    typed += (("--allow", write_grant(grant.operation, grant.conditions)) for grant in grants)
    yield from (f"  {shlex.join(words)} \\" for words in typed)
    yield f"  -- {shlex.join(plan.command)}"


def _extend(policy: CompiledPolicy, grants: Iterable[LearnedGrant]) -> CompiledPolicy:
    """Return a policy with more grants, to judge what it exposes as a whole."""
    more = (
        OWN_GRANT
        if grant.operation == OWN
        else Grant(frozenset({grant.operation}), Source(grant.operation), conditions_of(grant.conditions))
        for grant in grants
    )
    return compile_policy(policy.policy._replace(grants=(*policy.policy.grants, *more)))


def _is_of_own(grant: LearnedGrant) -> bool:
    """Whether `own` allows it in mode enforce, where the objects of the program have ownership labels."""
    return grant.operation == OWN or (OWN in grant.conditions and UNRESTRICTED.word not in grant.conditions)


def make_environment(environment: Mapping[str, str], engine: str, socket: str) -> dict[str, str]:
    """Return the environment of the program, in which only the private socket is named."""
    engines = [name for name in ENGINE_VARIABLES if environment.get(name) == engine]
    others = {name: value for name, value in environment.items() if name not in (*_OF_ANOTHER_HOST, *engines)}
    sockets = {**dict.fromkeys(_SOCKET_URLS, f"unix://{socket}"), **dict.fromkeys(_SOCKET_PATHS, socket)}
    return {**others, **sockets, **_BUILDER}


def _choose_builder(plan: Plan, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Select the classic builder if BuildKit would fail, and say so."""
    reason = builders.find_reason(plan.policy, plan.engine, environment)
    if reason:
        say(f"dockerproxy: the program gets {builders.VARIABLE}=0, because {reason}", stream=sys.stderr)
    return {builders.VARIABLE: "0"} if reason else {}


def _run(
    plan: Plan, environment: Mapping[str, str], serving: int, held: Iterable[int], clean: Callable[[], None]
) -> int:
    """Run the program to its end, sweep, stop the serving process, and return the exit status."""
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
            text = "the proxy ended with status {}, so the program gets SIGTERM"
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
    """Explain how to use the learned policy. If it cannot be written, print it, since it would be lost."""
    if problems:
        show_problems(problems)
        say(learned, stream=sys.stderr)
    elif not learned:
        _complain(f"there were no requests, so {plan.learn} was not written")
    elif not plan.is_quiet:
        command = shlex.join(("dockerproxy", "run", "--policy", plan.learn, "--", *plan.command))
        say(f"  learned   {plan.learn}; review it, then enforce it:", f"  {command}", stream=sys.stderr)


def _complain(text: str) -> None:
    say(paint(f"dockerproxy: {text}", Style.BAD, sys.stderr), stream=sys.stderr)
