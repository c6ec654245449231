"""Say what serve would do, and what the policy exposes, without opening a socket.

exit status: 0 serve would start, 2 something to mend, all of it listed
"""

import argparse
import os
from collections.abc import Mapping

from dockerproxy.api.catalog import OPERATIONS, SECTIONS
from dockerproxy.cli.exposures import describe_exposures
from dockerproxy.config.environment import Configured, read_environment
from dockerproxy.config.switches import SWITCHES
from dockerproxy.errors import UserError
from dockerproxy.host.listen import check_place, is_in_use
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.proxy.failures import choose_engine, find_trouble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take none: the environment says everything."""
    del parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what is configured, then what it exposes.

    Raises:
        UserError: Serve would not start.
    """
    del options
    configured = read_environment(environment)
    problems = [problem for served in configured.settings.sockets for problem in check_place(served)]
    if problems:
        raise UserError(*problems, *configured.warnings)
    _print_settings(configured)
    for served in configured.settings.sockets:
        _print_operations(served.policy)
        print(f"\n{describe_exposures(served.policy)}")
    for warning in configured.warnings:
        print(f"\nwarning: {warning}")
    return 0


def _print_settings(configured: Configured) -> None:
    settings = configured.settings
    print(f"engine    {_describe_engine(settings.engines)}")
    for served in settings.sockets:
        owner = f"uid {os.geteuid() if served.uid is None else served.uid}"
        group = f"gid {os.getegid() if served.gid is None else served.gid}"
        used = ", in use now" if is_in_use(served.path) else ""
        print(f"socket    {served.path}, mode {served.mode:04o}, {owner}, {group}{used}")
    limits = settings.limits
    print(
        f"limits    {limits.connections} connections, {limits.header_timeout:g}s for a request head,"
        f" {limits.shutdown_grace:g}s to finish"
    )
    print(f"log       {settings.log_format} from {settings.log_level} on")
    on = [name for name, value in configured.switches.items() if value and not SWITCHES[name]]
    off = [name for name, value in configured.switches.items() if not value and SWITCHES[name]]
    print(
        f"switches  {' '.join([*(f'{name}=1' for name in on), *(f'{name}=0' for name in off)]) or 'all as by default'}"
    )


def _describe_engine(paths: tuple[str, ...]) -> str:
    return find_trouble(paths) or f"{choose_engine(paths)}, which accepts connections"


def _print_operations(policy: CompiledPolicy) -> None:
    """Print which operations are allowed, by section."""
    print("\nallowed")
    for section in SECTIONS:
        operations = [operation for operation in OPERATIONS.values() if operation.section == section]
        allowed = [operation.name for operation in operations if policy.allows(operation.name)]
        if allowed:
            which = "all of it" if len(allowed) == len(operations) else ", ".join(allowed)
            print(f"  {section:<18} {len(allowed):>2} of {len(operations):<2}  {which}")
