"""Read the options of `run` into a plan, and report all mistakes before anything starts."""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from dockerproxy.cli.arguments import choose_socket
from dockerproxy.cli.learned import find_obstacles, read_owner
from dockerproxy.config.grants import Line
from dockerproxy.config.groups import PRESET
from dockerproxy.config.near import show
from dockerproxy.config.options import make_typed_policy, read_grants
from dockerproxy.config.places import is_place
from dockerproxy.config.policy_file import PolicyFile, read_policy_file
from dockerproxy.config.process import find_engines
from dockerproxy.config.values import Fault, read_path
from dockerproxy.config.variables import Variables
from dockerproxy.host.private import SOCKET
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.model import Grant, Mode, values_of
from dockerproxy.policy.nesting import find_nested, find_roots, list_binds, list_mounts
from dockerproxy.policy.objects import EXEC, MOUNTING, OWN
from dockerproxy.policy.values import split_mode
from dockerproxy.policy.vocabulary import UNRESTRICTED, conditions_of
from dockerproxy.policy.words.user import CLIENT, ROOT
from dockerproxy.problems import Problem, UserError
from dockerproxy.process_settings import LogFormat, Settings
from dockerproxy.proxy.probing import find_trouble
from dockerproxy.settings import DEFAULTS, Level, SocketSettings
from dockerproxy.tenancy.own import Own
from dockerproxy.tenancy.sweeps import find_obstacle

NAME: Final = "run"
"""The name of the socket, unless a policy file names it."""

_OWNERS_ONLY: Final = 0o600
_GRACE: Final = 1.0
"""Seconds for running requests to finish after the program has ended and no longer waits for them."""

_USUAL: Final = "--preset own-compose, ci, ai-agent or testcontainers"

_MODES: Final = (Mode.ENFORCE, Mode.REPORT)
_SCHEME: Final = "unix://"
_PING: Final = "ping"
"""This preset is always included, because nearly every client begins with a ping."""


class Plan(NamedTuple):
    """What to run, what the program may do, and the file for the learned policy, if any.

    `owner` is the owner that this file or the served policy names; empty if none.
    """

    command: tuple[str, ...]
    engine: str
    mode: Mode
    lines: tuple[Line, ...]
    served: SocketSettings | None
    learn: str
    owner: str
    is_quiet: bool
    sweeps: bool

    def owner_in(self, directory: str) -> str:
        """Return the owner of what the program creates, if the socket of its proxy is in this directory.

        Each run without a policy file has its own owner. So has each run that sweeps, to remove no objects of other
        runs with the same policy.
        """
        return os.path.basename(directory) if self.sweeps or not self.owner else self.owner

    @property
    def leaves(self) -> bool:
        """Whether the program may leave objects that no other run can reach."""
        return not self.owner and not self.sweeps and self.policy.owner != ""

    @property
    def policy(self) -> CompiledPolicy:
        """The policy of the program."""
        return self.settings_in(NAME, "").sockets[0].policy

    def settings_in(self, directory: str, learned: str) -> Settings:
        """Return the settings of the proxy, given the directories of its socket and of what it learns."""
        path = os.path.join(directory, SOCKET)
        if self.served is None:
            name, limits, policy = NAME, DEFAULTS, make_typed_policy(self.lines, self.mode)
        else:
            name, limits, policy = self.served.name, self.served.limits, self.served.policy.policy
        uid = os.getuid()
        client = f"{uid}:{os.getgid()}" if uid else ROOT
        policy = policy._replace(grants=tuple(_bind_to_client(policy.grants)), client=client)
        # Containers that mount the engine's socket get the private one, whose path differs in each run.
        sockets = policy.places.sockets | {self.engine}
        places = replace(policy.places, own_socket=path if is_place(path) else "", sockets=sockets)
        places = find_roots(list_binds(policy.grants), places)
        mounts = list_mounts(policy.grants, places)
        if any(find_nested(mounts, mounts)):  # A container could replace the socket by a link, so none may mount it.
            places = replace(places, own_socket="")
        owner = self.owner_in(directory)
        tenancy = replace(policy.tenancy, owner=owner) if isinstance(policy.tenancy, Own) else Own(owner)
        served = SocketSettings(
            name=name,
            path=path,
            permissions=_OWNERS_ONLY,
            uid=None,
            gid=None,
            policy=compile_policy(policy._replace(mode=self.mode, places=places, tenancy=tenancy)),
            limits=limits,
            notes_created=True,
        )
        return Settings(
            engines=(self.engine,),
            sockets=(served,),
            shutdown_grace=_GRACE,
            log_level=Level.INFO,
            log_format=LogFormat.JSON,
            learn_directory=learned,
        )


def _bind_to_client(grants: tuple[Grant, ...]) -> Iterator[Grant]:
    """Yield grants that make containers with writable binds the caller's, unless they have `user`."""
    writes = any(split_mode(item)[1] == "rw" for item in list_binds(grants))
    for grant in grants:
        said, names = values_of(grant.conditions), grant.operations & {*MOUNTING, EXEC}
        if not writes or not names or not {"user", OWN, UNRESTRICTED.word}.isdisjoint(said):
            yield grant
            continue
        yield grant._replace(operations=names, conditions=(*grant.conditions, *conditions_of({"user": CLIENT})))
        yield from [grant._replace(operations=grant.operations - names)] if grant.operations - names else ()


def make_plan(options: argparse.Namespace, environment: Mapping[str, str]) -> Plan:
    """Read the options. Raises `UserError` with all problems."""
    problems = list(_find_conflicts(options))
    presets = (_PING, *(name.removeprefix(PRESET) for name in options.preset))
    lines = read_grants(options.allow, presets, problems, environment.get("PWD", ""))
    file, served = PolicyFile("", (), {}), None
    if options.policy is not None:
        try:
            file = read_policy_file(options.policy)
            served = choose_socket(file.sockets, options.socket)
        except UserError as error:
            problems += error.problems
    mode = _read_mode(options, served, problems)
    if options.learn is not None:
        problems += find_obstacles(options.learn)
    engine = _find_engine(options.host, file.engine, environment, problems)
    if problems:
        raise UserError(*problems)
    owner = "" if served is None else served.policy.owner
    plan = Plan(
        command=tuple(list_words(options.command)),
        engine=engine,
        mode=mode,
        lines=lines,
        served=served,
        learn=options.learn or "",
        owner=owner if options.learn is None else read_owner(options.learn),
        is_quiet=options.quiet,
        sweeps=options.sweep,
    )
    obstacle = find_obstacle(plan.policy) if plan.sweeps else ""
    if obstacle:
        hint = 'use --allow own, and lists only with the condition "own: true"'
        raise UserError(Problem("--sweep", obstacle, "leave out --sweep" if mode is Mode.REPORT else hint))
    return plan


def list_words(command: Sequence[str]) -> Sequence[str]:
    """Return the words of a command without the leading `--`."""
    return command[1:] if command[:1] == ["--"] else command


def _find_conflicts(options: argparse.Namespace) -> Iterator[Problem]:
    if not list_words(options.command):
        yield Problem(
            "dockerproxy run", "missing command", "write it at the end: dockerproxy run --preset NAME -- COMMAND"
        )
    typed = [name for name in ("preset", "allow") if getattr(options, name)]
    if not typed and options.policy is None and options.learn is None:
        hint = f"use {_USUAL}, --allow GRANT or --policy FILE; --learn FILE finds out what the program needs"
        yield Problem("dockerproxy run", "missing grants for the program", hint)
    if options.learn is not None:
        for name in (*typed, *(name for name in ("policy", "mode") if getattr(options, name) is not None)):
            yield Problem(f"--{name}", "conflicts with --learn, which denies nothing", "remove one of them")
        if options.sweep:
            yield Problem("--sweep", "conflicts with --learn, which stamps nothing", "remove one of them")
    elif options.policy is not None:
        for name in typed:
            yield Problem(f"--{name}", "conflicts with --policy", "add the grant to the policy file")
    if options.socket is not None and options.policy is None:
        yield Problem("--socket", "has no effect without --policy", "remove it")


def _read_mode(options: argparse.Namespace, served: SocketSettings | None, problems: list[Problem]) -> Mode:
    if options.learn is not None:
        return Mode.LEARN
    if options.mode in _MODES:
        return Mode(options.mode)
    if options.mode is not None:
        hint = "use --learn FILE" if options.mode == Mode.LEARN else f"use {' or '.join(_MODES)}"
        problems.append(Problem("--mode", f"invalid mode {show(options.mode)}", hint))
    mode = Mode.ENFORCE if served is None else served.policy.mode
    if mode is Mode.LEARN and options.mode is None:
        hint = "use --learn FILE instead of the policy, or --mode enforce"
        problems.append(Problem(options.policy, "the mode of its socket is learn", hint))
    return mode


def _find_engine(host: str | None, of_file: str, environment: Mapping[str, str], problems: list[Problem]) -> str:
    """Return the path of the first engine socket that can be opened; empty if there is none."""
    variables = Variables(environment)
    if host is not None:
        read = read_path(host.removeprefix(_SCHEME))
        if isinstance(read, Fault):
            problems.append(
                Problem("--host", read.what, "write it like /var/run/docker.sock or unix:///var/run/docker.sock")
            )
            return ""
        paths: tuple[str, ...] = (read,)
    else:
        paths = (of_file,) if of_file else find_engines(variables, {})
    if variables.problems:
        problems += variables.problems
        return ""
    usable = next((path for path in paths if not find_trouble((path,))), "")
    if not usable:
        there = [path for path in paths if os.path.lexists(path)]
        troubles = [find_trouble((path,)) for path in there] or [find_trouble(paths)]
        hint = "name its socket: --host /path/docker.sock"
        problems += (Problem("engine", trouble, hint) for trouble in troubles)
    return usable
