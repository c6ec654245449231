"""Read settings from environment variables, and report all mistakes at once."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from dockerproxy.advice.denials import Adviser
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.foreign import advise, find_foreign
from dockerproxy.config.groups import READS, bounds_body, open_bodies
from dockerproxy.config.near import hint_at
from dockerproxy.config.process import find_engines, make_settings, read_limits
from dockerproxy.config.switches import (
    ACTION_SWITCHES,
    CONDITIONS,
    PART_SWITCHES,
    PARTS_OF,
    REMEDY,
    SECTION_SWITCHES,
    SWITCHES,
    WORDS,
    remedy,
)
from dockerproxy.config.values import DEFAULT_PERMISSIONS, LIMITS, read_id, read_mode, read_path
from dockerproxy.config.variables import Variables
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.model import Denial, Grant, Policy, Source
from dockerproxy.policy.vocabulary import SWITCHED
from dockerproxy.problems import Problem, UserError
from dockerproxy.process_settings import Settings
from dockerproxy.settings import SocketSettings

OTHERS: Final = (
    *("ALLOW", "DENY", "CONTAINED", "DOCKER_SOCKET_PATH", "SOCKET_PATH", "POLICY_FILE", "LEARN_DIR", "SANDBOX"),
    *("PROXIED_SOCKET_PATH", "PROXIED_SOCKET_MODE", "PROXIED_SOCKET_UID", "PROXIED_SOCKET_GID"),
    *("LOG_LEVEL", "LOG_FORMAT", "LOG_POLLS", "METRICS_FILE", "METRICS_SOCKET", "CONTROL_SOCKET", "ASK_TIMEOUT"),
    *("SHUTDOWN_GRACE", "TAKE_OVER"),
    *(limit.variable for limit in LIMITS),
)
"""Variables except switches."""

KNOWN: Final = (*SWITCHES, *OTHERS)

DEFAULT_SOCKET: Final = "/proxied/docker.sock"


class Configured(NamedTuple):
    """The settings of the environment. There is a policy file unless switches define the policy."""

    settings: Settings
    switches: Mapping[str, bool]
    warnings: tuple[Problem, ...]
    policy_file: str = ""


def read_environment(environment: Mapping[str, str]) -> Configured:
    """Read the environment. A `UserError` has every problem, including warnings."""
    reader = Variables(environment)
    switches = {name: reader.switch(name, default=default) for name, default in SWITCHES.items()}
    policy = _read_policy(reader, switches)
    path = reader.value("PROXIED_SOCKET_PATH", DEFAULT_SOCKET, read_path)
    served = SocketSettings(
        name="docker",
        path=path,
        permissions=reader.value("PROXIED_SOCKET_MODE", DEFAULT_PERMISSIONS, read_mode),
        uid=reader.value("PROXIED_SOCKET_UID", None, read_id),
        gid=reader.value("PROXIED_SOCKET_GID", None, read_id),
        policy=compile_policy(policy),
        limits=read_limits(reader),
    )
    engines = find_engines(reader, {path: "environment variable PROXIED_SOCKET_PATH"})
    settings = make_settings(reader, engines, (served,))
    warnings = tuple(find_strangers(reader.environment, switches))
    if reader.problems:
        raise UserError(*reader.problems, *warnings)
    return Configured(settings, switches, warnings)


def _read_policy(reader: Variables, switches: dict[str, bool]) -> Policy:
    """Turn switches, ALLOW and DENY into grants and denials, each with its source."""
    allowed, denied = reader.operations("ALLOW"), reader.operations("DENY")
    taken_out = {name for switch, names in PART_SWITCHES.items() if not switches[switch] for name in names}
    grants = [Grant(frozenset({name}), Source("ALLOW")) for name in sorted(allowed)]
    grants += [
        Grant(frozenset(names), Source(f"{switch}=1")) for switch, names in ACTION_SWITCHES.items() if switches[switch]
    ]
    for switch, section in SECTION_SWITCHES.items():
        if not switches[switch]:
            continue
        opened = {name for name, operation in OPERATIONS.items() if operation.section == section} - taken_out
        reachable = {name for name in opened if OPERATIONS[name].access == "read" or switches["POST"]}
        for name in sorted(reachable & CONDITIONS.keys()):
            condition, besides = CONDITIONS[name]
            if not (besides and switches[besides]):
                reachable.remove(name)
                grants.append(Grant(frozenset({name}), _source(switch, name), (condition,)))
        for access in ("read", "write"):
            names = {name for name in reachable if OPERATIONS[name].access == access}
            if names:
                grants.append(Grant(frozenset(names), _source(switch, next(iter(names)))))
    contained = reader.switch("CONTAINED", default=False)
    if contained:
        grants = [part for grant in grants for each in open_bodies(grant, READS) for part in _free(each)]
    return Policy(
        # By default, bodies are not checked, as in the proxies that these variables come from.
        grants=tuple(grants) if contained else tuple(part for grant in grants for part in open_bodies(grant)),
        denials=(Denial(denied, Source("DENY")),) if denied else (),
        advice=Adviser(
            lambda name, images: remedy(name, images, denied, contained=contained, adds=bool(allowed)), REMEDY
        ),
    )


def _free(grant: Grant) -> Iterator[Grant]:
    """Exempt what a switch allows contained from the rules of policy files."""
    freed = frozenset(name for name in grant.operations if bounds_body(SWITCHED.word, (name,)))
    if freed:
        yield grant._replace(operations=freed, conditions=(*grant.conditions, SWITCHED))
    if grant.operations - freed:
        yield grant._replace(operations=grant.operations - freed)


def _source(switch: str, name: str) -> Source:
    return Source(f"{switch}=1 POST=1" if OPERATIONS[name].access == "write" else f"{switch}=1")


_RUN_TOGETHER: Final = {name.replace("_", ""): name for name in KNOWN}
"""Names of variables without their underscores."""

_SHORT: Final = 4
"""Length of names, like POTS, for which two swapped letters are half the name."""


def find_strangers(environment: Mapping[str, str], switches: Mapping[str, bool]) -> list[Problem]:
    """Find variables that look like switches."""
    found = []
    for name, value in environment.items():
        where = f"environment variable {name}"
        if name in KNOWN:
            parts = PARTS_OF.get(name, ())
            if parts and switches[name] and not any(map(switches.get, parts)):
                what = f"has no effect without {' or '.join(f'{part}=1' for part in parts)}"
                hint = f"set CONTAINERS=1, or name what you need: ALLOW={PART_SWITCHES[name][0]}"
                found.append(Problem(where, what, hint))
        elif foreign := find_foreign(name, value):
            found += [Problem(where, "unknown setting", advice) for advice in [advise(foreign, value)] if advice]
        elif name.replace("_", "") in _RUN_TOGETHER:
            found.append(Problem(where, "unknown setting", f"did you mean {_RUN_TOGETHER[name.replace('_', '')]}?"))
        elif value.lower() in WORDS:
            # A longer name belongs to another program: agents set IS_SANDBOX, and do not mean SANDBOX.
            words = name.count("_")
            candidates = (known for known in KNOWN if known.count("_") >= words)
            hint = hint_at(name, candidates, cutoff=0.75 if len(name) <= _SHORT else 0.8)
            if hint or name.startswith(("ALLOW_", "LIBPOD_")):
                found.append(Problem(where, "unknown setting", hint))
        elif hint := hint_at(name, OTHERS, cutoff=0.9):
            found.append(Problem(where, "unknown setting", hint))
    return found
