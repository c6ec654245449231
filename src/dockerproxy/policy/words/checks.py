"""All checks: each function of these modules that is called `check_…` is one, by the rest of its name.

A line of a table in `api/bodies` names the check that reads its field. What the words of a policy file read besides is
put in front (`words/registry`).
"""

from collections.abc import Mapping
from functools import cache, partial
from typing import Final

from dockerproxy.api.bodies.fields import ALWAYS, Field, Node
from dockerproxy.api.bodies.tables import Body
from dockerproxy.policy.claim import LEAVE_OUT, Check, LeaveOut, Object, Reading, run_check
from dockerproxy.policy.words import (
    builds,
    commands,
    engine_defaults,
    images,
    imports,
    labels,
    limits,
    mounts,
    names,
    networks,
    options,
    parameters,
    ports,
    registries,
    secrets,
    services,
    subnets,
    tags,
    uploads,
)
from dockerproxy.policy.words.registry import READS, Read
from dockerproxy.policy.words.tables import OVERLAID
from dockerproxy.wire.document import Json

_PREFIX: Final = "check_"
_MODULES: Final = (
    builds,
    commands,
    engine_defaults,
    images,
    imports,
    labels,
    limits,
    mounts,
    names,
    networks,
    options,
    parameters,
    ports,
    registries,
    secrets,
    services,
    subnets,
    tags,
    uploads,
)

WORDS: Final[Mapping[str, str]] = {
    "add_capabilities": "capabilities",
    "binds": "binds mounts service_mounts",
    "volumes": "binds mounts service_mounts",
    "commands": "commands prepared surroundings",
    "configs": "configs",
    "containers": "container",
    "cpus": "cpus new_cpus",
    "labels": "labels",
    "memory": "memory new_memory swap",
    "names": "names",
    "networks": "connected network_mode networks service_networks",
    "joins": "ipc_mode network_mode pid_mode",
    "no_new_privileges": "no_new_privileges security_options",
    "pids": "pids service_pids",
    "publish": "publish publish_all service_ports",
    "secrets": "secrets",
    "subnets": "subnets",
    "tags": "built given",
    "images": "images mounts pushed service_mounts",
    "user": "user",
    "switched": "connection hosts kept_credentials networks",
}
"""For each word of a policy file, the checks that make claims for it."""


def _find_checks() -> Mapping[str, tuple[Check, tuple[str, ...]]]:
    found = {name: each for module in _MODULES for name, each in vars(module).items() if name.startswith(_PREFIX)}
    checks = {name.removeprefix(_PREFIX): check for name, check in found.items()}
    return {
        name: (check, tuple(word for word, those in WORDS.items() if name in those.split(" ")))
        for name, check in checks.items()
    }


_OWN: Final = _find_checks()


def choose(line: Field | Node, reading: Reading, value: Json, path: str, _parent: Object) -> LeaveOut | None:
    """Hold a value to the words that a line lists: `=a,b`, or `~a,b` if it goes no further."""
    if value not in ("", None, *line.rule[1:].split(",")):
        reading.violate(path, value, f"not allowed: {line.summary}")
    return LEAVE_OUT if line.rule.startswith("~") else None


def _overlay(reads: tuple[Read, ...], own: Field) -> tuple[Check, tuple[str, ...]]:
    """Have words read a field, and behind them what its line names: a check, or words of which it is one."""
    steps = [(read.check, read.always) for read in reads]
    check, words = _OWN.get(own.rule.removesuffix(ALWAYS), (None, ()))
    if check is not None:
        steps.append((check, own.rule.endswith(ALWAYS)))
    elif own.rule.startswith(("=", "~")):
        steps.append((partial(choose, own), False))

    def read_all(reading: Reading, value: Json, path: str, parent: Object) -> Json | LeaveOut:
        for step, always in steps:
            if value is not None or always:
                value = run_check(step, reading, value, path, parent)
        return LEAVE_OUT if value is None else value

    read_all.__doc__ = steps[0][0].__doc__
    return read_all, (*dict.fromkeys((*(read.word for read in reads), *words)),)


CHECKS: Final[Mapping[str, tuple[Check, tuple[str, ...]]]] = {
    **_OWN,
    **{name: _overlay(READS[place], own) for name, (place, own) in OVERLAID.items()},
}
"""By the name that a table has for it; with the words of a policy file that it obeys."""


@cache
def find_words_of_body(body: Body) -> tuple[str, ...]:
    """Return the words of conditions on what a request of an operation says, in the order of its table."""
    return tuple(dict.fromkeys(word for field in body.fields for word in find_words_of_field(field)))


def find_words_of_field(field: Field) -> tuple[str, ...]:
    """Return the words of conditions on what a field says."""
    check = CHECKS.get(field.rule) or CHECKS.get(field.rule.removesuffix(ALWAYS))
    return () if check is None else check[1]


@cache
def find_places_of_labels(body: Body) -> tuple[str, ...]:
    """Return where a body has labels of what it makes, from its top."""
    return tuple(each.path.removesuffix(".*") for each in body.fields if "labels" in find_words_of_field(each))
