"""Load the configuration for every verb: from a policy file, or from the environment alone.

The two are never mixed: beside a policy file, a variable that allows something is a mistake.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final

from dockerproxy.config.environment import Configured, find_strangers, read_environment
from dockerproxy.config.foreign import find_foreign
from dockerproxy.config.groups import without_underscore
from dockerproxy.config.near import HINTS
from dockerproxy.config.process import ENGINE_VARIABLES, find_engines, make_settings, read_limits
from dockerproxy.config.switches import ACTION_SWITCHES, PART_SWITCHES, SECTION_SWITCHES, SWITCHES
from dockerproxy.config.variables import Variables
from dockerproxy.policy.image_grants import find_overlaps, list_patterns
from dockerproxy.policy.nesting import find_nested, list_given, list_mounts, make_mount
from dockerproxy.policy.places import NOWHERE
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import SocketSettings

REPLACED: Final[Mapping[str, str]] = {
    **HINTS["replaced variables"],
    **{
        switch: f"add {without_underscore(section)}:read to allow of a socket"
        for switch, section in SECTION_SWITCHES.items()
    },
    **{switch: f"add {', '.join(names)} to allow of a socket" for switch, names in ACTION_SWITCHES.items()},
    **{switch: f"add {', '.join(names)} to allow or deny of a socket" for switch, names in PART_SWITCHES.items()},
}
"""Variables that a policy file replaces, and their replacements in the file."""

_NO_SWITCH: Final = "change the policy file; with it, variables allow nothing"


def read_configuration(environment: Mapping[str, str], policy_file: str | None = None) -> Configured:
    """Read the configuration: from a policy file, which POLICY_FILE may name, or from variables alone.

    A `UserError` has every problem, including warnings.
    """
    variables = Variables(environment)
    path = policy_file or variables.environment.get("POLICY_FILE", "")
    if not path:
        return read_environment(environment)
    replaced = [name for name in REPLACED if name in variables.environment]
    for name in replaced:
        convert = "; `dockerproxy check --print` prints a file with the same meaning" if name == replaced[-1] else ""
        what, hint = f"conflicts with the policy file {path!r}", f"unset it; in the file, {REPLACED[name]}{convert}"
        variables.problem(name, what, hint)
    # Without a policy file, the YAML parser is not loaded.
    from dockerproxy.config.policy_file import PolicyFile, read_policy_file  # noqa: PLC0415

    found: tuple[Problem, ...] = ()
    file = PolicyFile("", (), {})
    try:
        file = read_policy_file(path, read_limits(variables))
    except UserError as error:
        found = error.problems
    places = {socket.path: str(file.places[socket.name]) for socket in file.sockets}
    settings = make_settings(variables, _read_engines(variables, file.engine, places, path), file.sockets)
    warnings = (
        *_find_strangers(variables),
        *_find_shared_owners(file.sockets, path),
        *find_nested_sockets(file.sockets, path),
        *find_replaced_images(file.sockets, path),
    )
    if found or variables.problems:
        raise UserError(*found, *variables.problems, *warnings)
    return Configured(settings, {}, warnings, path)


def _read_engines(variables: Variables, engine: str, places: Mapping[str, str], path: str) -> tuple[str, ...]:
    """Return the engine's paths: from the file, or else the environment; never a socket of the proxy."""
    if engine:
        for name in ENGINE_VARIABLES:
            if variables.environment.get(name, engine) != engine:
                variables.problem(name, f"conflicts with engine {engine!r} of {path}", "set only one of them")
        return (engine,)
    return find_engines(variables, places)


def _find_shared_owners(sockets: tuple[SocketSettings, ...], file: str) -> Iterator[Problem]:
    """Find sockets that may share objects by accident: `own_as` of one is the name of another."""
    named = {socket.name for socket in sockets if socket.policy.owner == socket.name}
    for socket in sockets:
        owner = socket.policy.owner
        if owner in named and owner != socket.name:
            what = f"sockets {socket.name} and {owner} share their objects: own_as of one is the name of the other"
            yield Problem(file, what, "if intended, give both an own_as that is no socket's name")


def find_nested_sockets(sockets: tuple[SocketSettings, ...], file: str) -> Iterator[Problem]:
    """Find mounts that clients of another socket could replace."""
    policies = {socket.name: socket.policy.policy for socket in sockets}
    given = {name: list_given(policy.places) for name, policy in policies.items()}
    mounts = {name: list_mounts(policy.grants, policy.places) for name, policy in policies.items()}
    outers = {name: (*mounts[name], *given[name]) for name in policies}
    inners = {socket.name: (*mounts[socket.name], make_mount(NOWHERE, socket.path, writes=False)) for socket in sockets}
    every = tuple(chain.from_iterable(outers.values()))
    for name, each in inners.items():
        nests = [nested.inner for nested in find_nested(each, every)]
        for other in outers if nests else ():
            for nested in find_nested(nests, outers[other]) if other != name else ():
                what = nested.describe(f"clients of socket {other}")
                hint = nested.hint if nested.outer in mounts[other] else "move one of them"
                yield Problem(file, f"socket {name}: {what}; clients of both together are root", hint)


def find_replaced_images(sockets: tuple[SocketSettings, ...], file: str) -> Iterator[Problem]:
    """Find images of a socket that clients of another could replace."""
    patterns = [each for socket in sockets for each in list_patterns(socket.name, socket.policy.policy, uses=True)]
    for pair in find_overlaps(patterns):
        gives, uses = sorted(pair, key=lambda each: not each.gives)
        if not uses.gives:
            what = f"socket {gives.socket}: tags {gives.item} cover images {uses.item} of socket {uses.socket}"
            yield Problem(file, f"{what}: its clients can replace them", "narrow one of them, unless intended")


def _find_strangers(variables: Variables) -> Iterator[Problem]:
    """Find variables that look like switches, but are not."""
    others = {name: value for name, value in variables.environment.items() if name not in REPLACED}
    for stranger in find_strangers(others, SWITCHES):
        name = stranger.where.removeprefix("environment variable ")
        foreign = find_foreign(name, others[name])
        is_setting = foreign is not None and not foreign.is_switch
        yield stranger if is_setting else stranger._replace(hint=_NO_SWITCH)
