"""Show what serve would do and what the policy exposes, without opening a socket.

  dockerproxy check --policy policy.yaml
  dockerproxy check --policy policy.yaml --all
  dockerproxy check --policy policy.yaml --format sarif > check.sarif
  CONTAINERS=1 POST=1 dockerproxy check --print > policy.yaml
  docker compose run --rm -T dockerproxy check --print > policy.yaml

The first lines show whether clients can become root on the host, read secrets, or reach objects of others, and which
grants allow it. "maybe" means that it depends on the engine or on other clients. Root on the host means the user that
runs the engine, which `dockerproxy verify` shows.

For presets and `own`, it lists only what the policy changes. It lists Podman's own API only if the engine is Podman, or
if the engine does not answer and a line grants only that API. --all lists all operations and settings, and what presets
expose. For Docker, what that API would change in the verdict follows as "with Podman".

--print writes the environment as a policy file. Comments in it show what a line exposes in addition. Variables without
effect are reported on standard error.

exit status: 0 serve would start, 2 usage or configuration error
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from dockerproxy.api.catalog import OPERATIONS, Access
from dockerproxy.cli.arguments import add_policy_argument, find_policy_file
from dockerproxy.cli.locks import find_problems
from dockerproxy.cli.reports import MISTAKE, add_format_argument, find_mistake, run_with_report
from dockerproxy.cli.request import fetch
from dockerproxy.cli.sockets import find_owner, find_place_problems
from dockerproxy.cli.terminal import Style, paint, say
from dockerproxy.config.configuration import read_configuration
from dockerproxy.config.environment import Configured, read_environment
from dockerproxy.config.policy_file import read_policy_file
from dockerproxy.config.switches import PART_SWITCHES, PARTS_OF, SWITCHES
from dockerproxy.config.values import LIMITS
from dockerproxy.host.learned import check_learning
from dockerproxy.host.listen import is_in_use
from dockerproxy.host.sandbox import foresee
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.differences import digest, list_settings
from dockerproxy.policy.model import Mode
from dockerproxy.policy.values import list_names
from dockerproxy.problems import Problem, UserError
from dockerproxy.process_settings import LogPolls, Sandbox
from dockerproxy.proxy.failures import choose_engine
from dockerproxy.proxy.probing import find_trouble
from dockerproxy.settings import DEFAULTS, SocketSettings, Sweep
from dockerproxy.workbench.allowed import list_allowed, list_left_out
from dockerproxy.workbench.convert import convert
from dockerproxy.workbench.exposure import find_exposures
from dockerproxy.workbench.exposures import describe_exposures, say_end
from dockerproxy.workbench.findings import Finding, Severity, place_of
from dockerproxy.workbench.presets import (
    LIBPOD,
    find_base,
    leave_out,
    list_bases,
    list_denied,
    needs_podman,
    without_libpod,
)
from dockerproxy.workbench.verdict import list_verdicts
from dockerproxy.workbench.verifying import find_podman

_BESIDE_SWITCHES: Final = ("ALLOW", "DENY", "CONTAINED")
"""Variables that allow or deny something, but are not switches for a section or an action."""

_MORE: Final = "`--all` lists every operation and setting, and what presets expose"

_PATIENCE: Final = 1.0
"""Seconds for the engine to identify itself."""

_PINGS: Final = ("SystemPing", "SystemPingHead")
_NO_PING: Final = "  no ping: most Docker clients send it first; preset:ping allows it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the policy file and the form of the output."""
    add_policy_argument(parser)
    form = parser.add_mutually_exclusive_group()
    add_format_argument(form)
    form.add_argument("--all", action="store_true", help="list every operation, exposure and setting")
    parser.add_argument("--print", action="store_true", help="print the environment as a policy file")


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the configuration, then what it exposes."""
    if options.print:
        return _print(options, environment)
    if options.format is not None:
        file = find_policy_file(options.policy, environment)
        return run_with_report(options.format, "check", file, partial(_find, options, environment))
    _show(options, environment)
    return 0


def _show(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    configured = read_configuration(environment, options.policy)
    sockets, in_file = configured.settings.sockets, bool(configured.policy_file)
    problems = _find_problems(configured)
    warning = paint("warning", Style.DOUBTFUL)
    is_podman = _find_podman(configured.settings.engines)
    for socket in sockets:
        verdicts = _list_verdicts(socket.policy, is_docker=is_podman is False)
        if in_file:
            say(paint(f"socket {socket.name}", Style.STRONG), *(f"  {verdict}" for verdict in verdicts))
        else:
            say(*verdicts)
    say("")
    remarks = [f"{warning}: {remark}\n" for socket in sockets if (remark := socket.remark)]
    say(*remarks, *map(_paint_label, _list_settings(configured, environment, is_full=options.all)))
    if is_podman is None:
        is_podman = any(needs_podman(socket.policy) for socket in sockets)
    for socket in sockets:
        if in_file:
            say("", *map(_paint_label, _list_policy(socket, is_full=options.all)))
        if options.all:
            _show_grants(socket.policy, None, in_file=in_file)
        else:
            base, shown = find_base(socket.policy), socket.policy
            shown, base = (shown, base) if is_podman else (without_libpod(shown), without_libpod(base))
            _show_grants(shown, base, in_file=in_file)
    if not options.all:
        say("", paint(_MORE, Style.FAINT))
    for problem in configured.warnings:
        say(f"\n{warning}: {problem}")
    if problems:  # Problems of this machine come last: the policy means the same everywhere.
        print(flush=True)
        raise UserError(*problems)


def _list_verdicts(policy: CompiledPolicy, *, is_docker: bool) -> list[str]:
    """Return the verdicts; for Docker without Podman's own API, and below what that changes, for Podman elsewhere."""
    verdicts = list_verdicts(policy)
    if not is_docker:
        return [*verdicts]
    here = list_verdicts(without_libpod(policy))
    return [*here, *(f"with Podman, {verdict}" for verdict in verdicts if verdict not in here)]


def _show_grants(policy: CompiledPolicy, base: CompiledPolicy | None, *, in_file: bool) -> None:
    """Print what a policy allows, leaves out and exposes, compared with a base if there is one."""
    besides = bool(base and list_bases(policy))
    allowed = list(list_allowed(leave_out(policy, base) if base else policy))
    if allowed:
        say("", paint("also allowed" if besides else "allowed", Style.STRONG), *allowed)
    if in_file and any(map(policy.allows, OPERATIONS)) and not any(map(policy.allows, _PINGS)):
        say(_NO_PING)
    denied = list_denied(policy, base) if base else []
    if denied:
        say("", paint("denied", Style.STRONG), f"  {', '.join(denied)}")
    left_out = list(list_left_out(policy, LIBPOD if base and not any(map(policy.allows, LIBPOD)) else frozenset()))
    if left_out:
        say("", paint("not covered", Style.STRONG), *left_out)
    first, *others = describe_exposures(policy, in_file=in_file, base=base).split("\n")
    say("", paint(first, Style.DOUBTFUL) if others else first, *others)


def _find_podman(engines: Sequence[str]) -> bool | None:
    """Return whether the engine is Podman; None if it does not answer."""
    path = choose_engine(engines)
    try:
        return find_podman(lambda target: fetch(path, "GET", target, _PATIENCE))
    except OSError:
        return None


def _print(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the environment as a policy file. `POLICY_FILE` is ignored, because the output may go to that file."""
    if options.policy is not None or options.format is not None:
        raise UserError(Problem("--print", "prints the environment", "remove --policy and --format"))
    variables = {name: value for name, value in environment.items() if name != "POLICY_FILE"}
    configured = read_environment(variables)
    print(convert(configured, variables), end="")
    for problem in configured.warnings:
        print(f"warning: {problem}", file=sys.stderr)
    return 0


def _find_problems(configured: Configured) -> list[Problem]:
    locks = find_problems(foresee(), configured.settings.sandbox)
    return [*find_place_problems(configured), *check_learning(configured.settings), *locks]


def _find(options: argparse.Namespace, environment: Mapping[str, str]) -> tuple[int, Sequence[Finding]]:
    configured = read_configuration(environment, options.policy)
    problems, file = _find_problems(configured), configured.policy_file
    places = read_policy_file(file).places if file else {}
    findings = [Finding(name="the policy", where=file, rule="mistake")]
    paths = {socket.path: str(places[socket.name]) for socket in configured.settings.sockets if places}
    findings += [find_mistake(each)._replace(where=paths.get(each.where, each.where)) for each in problems]
    for warning in configured.warnings:
        findings.append(find_mistake(warning)._replace(level=Severity.WARNING, fails=False))
    for socket in configured.settings.sockets:
        name = f"socket {socket.name}"
        if socket.remark:
            where = str(places.get(socket.name, file))
            findings.append(
                Finding(name=name, where=where, rule="not-enforced", level=Severity.WARNING, says=socket.remark)
            )
        for exposure in find_exposures(socket.policy):
            sources = dict.fromkeys(case.source for cases in exposure.cases.values() for case in cases)
            for source in sources:
                end = say_end(socket.policy.policy, exposure, in_file=bool(file))
                says = f"{name}: a client {exposure.says}; {end}"
                where = place_of(file, source)
                findings.append(Finding(name=name, where=where, rule="exposure", level=Severity.NOTE, says=says))
    return (MISTAKE if problems else 0), findings


def _paint_label(line: str) -> str:
    label, blank, text = line.partition(" ")
    return paint(label, Style.STRONG) + blank + text


def _list_settings(configured: Configured, environment: Mapping[str, str], *, is_full: bool) -> Iterator[str]:
    """Yield the settings of all sockets; without a policy file there is only one."""
    settings = configured.settings
    if configured.policy_file:
        yield f"policy    {configured.policy_file}"
    engines = settings.engines
    yield f"engine    {find_trouble(engines) or f'{choose_engine(engines)}, which accepts connections'}"
    if not configured.policy_file:
        for socket in settings.sockets:
            yield f"socket    {_describe_socket(socket, 'mode')}"
            yield from _list_limits(socket, is_full=is_full)
    if is_full:
        yield f"grace     {settings.shutdown_grace:g}s to finish"
        polls = ", repeated reads once a minute" if settings.log_polls is LogPolls.COLLAPSE else ""
        yield f"log       {settings.log_format} from {settings.log_level} on{polls}"
        yield f"sandbox   {_describe_sandbox(settings.sandbox)}"
    elif settings.sandbox is Sandbox.OFF or any(lock.obstacle for lock in foresee()):
        yield f"sandbox   {_describe_sandbox(settings.sandbox)}"
    if any(socket.policy.mode is Mode.LEARN for socket in settings.sockets) and settings.learn_directory:
        yield f"learned   policies are written to {settings.learn_directory}"
    if not configured.policy_file:
        on = [f"{name}=1" for name, value in configured.switches.items() if value and not SWITCHES[name]]
        off = [f"{name}=0" for name, value in configured.switches.items() if not value and SWITCHES[name]]
        named = [f"{name}={environment[name]}" for name in _BESIDE_SWITCHES if environment.get(name)]
        if is_full:
            yield "health    the image runs `dockerproxy healthcheck`: remove yours, there is no wget or curl"
        yield f"switches  {' '.join([*on, *off, *named]) or 'all default'}"
        yield from _list_parts(configured, environment)


def _list_parts(configured: Configured, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the parts of sections that LinuxServer's image denies by default since 2026-08-18, and we allow."""
    policy, switches = configured.settings.sockets[0].policy, configured.switches
    parts = [part for part in PART_SWITCHES if not environment.get(part) and any(map(switches.get, PARTS_OF[part]))]
    opened = [name for part in parts for name in PART_SWITCHES[part] if policy.allows(name)]
    if opened:
        writes = [name for name in opened if OPERATIONS[name].access is Access.WRITE]
        also = f", also the writes {list_names(writes, 'and')}" if writes else ""
        yield f"parts     on by default, unlike in LinuxServer's image since 2026-08-18{also}; this removes them:"
        yield f"          {' '.join(f'{part}=0' for part in parts)}"


def _describe_sandbox(sandbox: Sandbox) -> str:
    if sandbox is Sandbox.OFF:
        return "off: the process is not sandboxed"
    missing = [f"{lock.name}: {lock.obstacle}" for lock in foresee() if lock.obstacle]
    return f"{sandbox}; {'unavailable: ' + '; '.join(missing) if missing else 'this machine supports all locks'}"


def _describe_socket(socket: SocketSettings, word: str) -> str:
    """Return where a socket is and who may open it; `word` is the name that the configuration has for its mode."""
    uid, gid = find_owner(socket)
    try:
        used = ", in use now" if is_in_use(socket.path) else ""
    except UserError:
        used = ""  # Reported among the problems.
    return f"{socket.path}, {word} {socket.permissions:04o}, uid {uid}, gid {gid}{used}"


def _list_limits(socket: SocketSettings, *, is_full: bool) -> Iterator[str]:
    """Yield the limits that differ from the default; if full, also that none does."""
    changed = [limit for limit in LIMITS if getattr(socket.limits, limit.name) != getattr(DEFAULTS, limit.name)]
    said = ", ".join(f"{limit.name} {limit.write(socket.limits)}" for limit in changed)
    if said or is_full:
        yield f"limits    {said}, the rest are defaults" if said else "limits    default"


def _list_policy(socket: SocketSettings, *, is_full: bool) -> Iterator[str]:
    yield f"socket    {socket.name}, {_describe_socket(socket, 'permissions')}"
    yield from _list_limits(socket, is_full=is_full)
    yield from (f"{key:<9} {text}" for key, text in list_settings(socket.policy).items())
    if socket.sweep is not Sweep.NEVER:
        yield f"sweep     {socket.sweep}: removes the objects of owner {socket.policy.owner}"
    yield f"digest    {digest(socket.policy)}"
    yield from (f"allows    {word}: {about}" for word, about in list_bases(socket.policy).items())
