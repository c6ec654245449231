"""What keeps a container within its walls, besides what it mounts and joins.

How one would get out, and what stops it: a name like an id, by which another's look-ups are captured; a user by name,
as number 0 in some spelling, or without a group, which then is root's; a limit of 0 or below, which is none, or one in
the other of two fields that mean the same (swap beside memory, a quota beside billionths, which wins over them), or of
which a later change touches only one; a limit of the other kind that lets a process go before all others on the host;
a label with `=` in its name, which Podman takes for another one, or one upon which an engine acts (`labels.py`);
a variable without a value, or with a star, for which Podman looks into the engine's own environment; a granted command
that does another thing because of a variable or of where it starts; a program for which Podman makes control groups
writable, with a slash behind its name, behind a shell, or in an entrypoint that Podman reads as JSON; an option that
sets confinement to what the engine was told to tighten.
"""

import re
from typing import Final

from dockerproxy.policy.bodies.amounts import (
    is_certainly_not_root,
    is_id_of_swarm,
    read_billionths,
    read_count,
    read_human_size,
    read_size,
)
from dockerproxy.policy.bodies.captures import captures
from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.bodies.labels import SAYS, acts
from dockerproxy.policy.bodies.naming import IS_NAME, items, matches
from dockerproxy.policy.globs import Glob
from dockerproxy.policy.model import Pairs
from dockerproxy.text import base_name, upper
from dockerproxy.wire.document import Json, show

_TIGHTENING: Final = frozenset(
    {
        "no-new-privileges",
        "no-new-privileges=true",
        "no-new-privileges:true",
        "apparmor=docker-default",
        "apparmor:docker-default",
    }
)
"""Security options that are what the engine does anyway, or less. Docker takes `:` for `=`. Its own filter of system
calls, `seccomp=builtin`, is not among them: it may be looser than the one that the engine is configured with."""

_NO_NEW_PRIVILEGES: Final = frozenset(option for option in _TIGHTENING if option.startswith("no-new-privileges"))

_LOG_OPTIONS: Final = frozenset({"max-size", "max-file", "compress"})
"""They bound what the engine keeps; all others may make it connect somewhere, read files, or show the environment."""

_LIMITS: Final = frozenset(
    "AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NOFILE NPROC RSS SIGPENDING STACK".split()  # noqa: SIM905 (a list of words)
)
"""Of getrlimit(2), without `RLIMIT_`. RTPRIO, RTTIME and NICE let a process go before all others on the host."""

_SHELL: Final = frozenset({"", "/bin/sh", "-c"})
"""What Podman looks behind for the program that runs, and an entrypoint that is none."""

_IS_JSON: Final = re.compile(r"[ \t\r\n]*(\[|null[ \t\r\n]*$)").match
"""The only word of an entrypoint, of which Podman makes several, or none and takes the image's (FillOutSpecGen)."""

_PERIOD: Final = 100_000
"""Microseconds of a period of the scheduler where none is given (sched-bwc)."""

_LEAST_CPUS: Final = 10**9 // _PERIOD
"""Billionths of a processor that are a microsecond of that period."""


def check_names(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """What is made is called as the grant says, and never like an id: it would capture look-ups of another.

    Engines leave out a slash in front in the query only. A `Name` in a body is that of something a swarm may know.
    """
    del around
    name = value if isinstance(value, str) else ""
    name = name.removeprefix("/") if path == "?name" else name
    if name and not IS_NAME(name):
        seen.fault(path, value, "which nothing can be called")
    elif captures(seen, name) or (path == "Name" and is_id_of_swarm(name)):
        seen.fault(path, value, "which could be the id of another one")
    if "names" in seen.bounds and not (name and matches(seen, "names", name)):
        missing = "which is none of the granted names" if name else "is missing, and only granted names may be given"
        seen.fault(path, value if name else None, missing, "names", (name,) if name else "")
    return value


def check_user(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """The user is certainly not root, if the grant says so.

    Group 0 owns files of the host, and in many images may write /etc/passwd. Docker and Podman give it to a number for
    which the image has no user (moby/sys/user, GetExecUser), and nothing is known of the image here.
    """
    del around
    if seen.bounds.get("user") == "not-root" and not (isinstance(value, str) and is_certainly_not_root(value)):
        says = "and must be a user and a group that are not root, by their numbers, like 1000:1000"
        if not value:
            says = "is missing, and may be root"
        elif isinstance(value, str) and is_certainly_not_root(f"{value}:{value}"):
            says = f"and without a group it may get root's group; write {value}:{value}"
        seen.fault(path, value or None, says, "user", "any")
    return value


def check_memory(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """There is a bound of memory, and none of swap that makes it worthless."""
    most = _most_memory(seen)
    if most is not None:
        _check_amount(seen, value, path, most, "memory")
        _check_swap(seen, around, path, most)
    return value


def check_new_memory(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """What memory is changed to is within the bound; 0 leaves it as it is."""
    most = _most_memory(seen)
    if most is not None:
        if value:
            _check_amount(seen, value, path, most, "memory")
        _check_swap(seen, around, path, most)
    return value


def _most_memory(seen: Inspection) -> int | None:
    bound = seen.bounds.get("memory")
    return read_size(bound) if isinstance(bound, str) else None


def _check_swap(seen: Inspection, around: Object, path: str, most: int) -> None:
    swap = around.get("MemorySwap")
    if isinstance(swap, int) and not 0 <= swap <= 2 * most:
        seen.fault(f"{path}Swap", swap, f"and must be at most {2 * most}, twice the granted memory", "memory")


def check_pids(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """There is a bound of processes."""
    del around
    bound = seen.bounds.get("pids")
    most = read_count(bound) if isinstance(bound, str) else None
    if most is not None:
        _check_amount(seen, value, path, most, "pids")
    return value


def check_cpus(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """There is a bound of processors, in one of Docker's two ways to say it."""
    most = _most_cpus(seen)
    quota, period = around.get("CpuQuota") or 0, around.get("CpuPeriod") or 0
    if most is not None:
        if not value and isinstance(quota, int) and quota > 0:
            _check_quota(seen, quota, period or _PERIOD, path, most)
        else:
            _check_amount(seen, value, path, most, "cpus")
            if value:
                _check_no_quota(seen, quota, period, path)
    return value


def check_new_cpus(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """What processors are changed to is within the bound; 0 leaves them as they are.

    A quota means nothing without its period, and the period that the container has is not known here.
    """
    most = _most_cpus(seen)
    quota, period = around.get("CpuQuota") or 0, around.get("CpuPeriod") or 0
    if most is not None:
        if value:
            _check_amount(seen, value, path, most, "cpus")
            _check_no_quota(seen, quota, period, path)
        elif quota or period:
            _check_quota(seen, quota, period, path, most)
    return value


def _most_cpus(seen: Inspection) -> int | None:
    bound = seen.bounds.get("cpus")
    return read_billionths(bound) if isinstance(bound, str) else None


def _check_no_quota(seen: Inspection, quota: Json, period: Json, path: str) -> None:
    """Look whether nothing stands beside billionths: a quota of -1 takes their place."""
    for name, other in (("CpuQuota", quota), ("CpuPeriod", period)):
        if other:
            seen.fault(path.replace("NanoCpus", name), other, "and must not be set beside NanoCpus", "cpus")


def _check_quota(seen: Inspection, quota: Json, period: Json, path: str, most: int) -> None:
    path = path.replace("NanoCpus", "CpuQuota")
    if not isinstance(quota, int) or not isinstance(period, int) or quota <= 0 or period <= 0:
        seen.fault(path, quota, "and must be set together with its period, both above 0", "cpus")
    elif quota * 10**9 > most * period:
        seen.fault(path, quota, f"and must be at most {most * period // 10**9} in a period of {period}", "cpus")


def _check_amount(seen: Inspection, value: Json, path: str, most: int, word: str) -> None:
    """What the grant bounds must be set, and at most that. 0 and what is below it is no bound at all.

    Nor are billionths of a processor of which none is left in microseconds of a period (moby daemon_unix.go, NanoCPUs).
    """
    if not isinstance(value, int) or value <= 0:
        seen.fault(path, value or None, f"must be set, to at most {most}", word)
    elif value > most:
        seen.fault(path, value, f"and must be at most {most}", word)
    elif word == "cpus" and value < _LEAST_CPUS:
        seen.fault(path, value, f"which engines round to no bound: at least {_LEAST_CPUS} is one", word)


def check_environment(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each variable has a value of the client's.

    For one without, Podman takes that of the engine's own environment, and for one with a star behind it all that begin
    so. Docker takes it away from those of the image: an empty value does the same for most programs, and goes on.
    """
    del seen, path, around
    variables = value if isinstance(value, list) else []
    return [text if "=" in str(text) else f"{text}=" for text in variables]


def check_limits(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """No limit lets a process go before others on the host."""
    del around
    if upper(str(value)).removeprefix("RLIMIT_") not in _LIMITS:
        seen.fault(path, value, "which is none of the limits that are known to be harmless")
    return value


def check_oom_score(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """It is killed no later than others: 0 is the default, and rootless Podman shows more than that."""
    del around
    if isinstance(value, int) and value < 0:
        seen.fault(path, value, "and others are killed in its place when memory is short")
    return value


def check_labels(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Put the grant's labels on what is made; the client's own may not contradict them, nor have an engine act."""
    del around
    labels = dict(value) if isinstance(value, dict) else {}
    for name in labels:
        if acts(name):
            seen.fault(f"{path}[{show(name)}]", labels[name], SAYS)
    added = seen.bounds.get("labels")
    if not isinstance(added, Pairs):
        return value
    own = {name for name, _ in added.items}
    for name in labels:
        if "=" in name and name.partition("=")[0] in own:  # Podman takes all behind the first one for the value.
            seen.fault(f"{path}[{show(name)}]", labels[name], "which could be taken for a label of the grant", "labels")
    for name, text in added.items:
        if isinstance(text, str) and labels.setdefault(name, text) != text:
            seen.fault(f"{path}[{show(name)}]", labels[name], f"and the grant makes it {show(text)}", "labels")
    return labels


def check_capabilities(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Added capabilities are among those that are granted; `ALL` is one word more."""
    del around
    granted = {capability_name(item) for item in items(seen.bounds.get("add_capabilities"))}
    for number, added in enumerate(value if isinstance(value, list) else ()):
        name = capability_name(str(added))
        if name not in granted:
            seen.fault(f"{path}[{number}]", added, "which is not granted", "add_capabilities", (name,))
    return value


def capability_name(text: str) -> str:
    """Return a capability as a policy file writes it: engines take it in any case, with or without `CAP_`."""
    return upper(text).removeprefix("CAP_")


def check_security_options(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Options make the confinement tighter, or leave it as it is."""
    del around
    options = value if isinstance(value, list) else []
    for number, option in enumerate(options):
        if option not in _TIGHTENING:
            seen.fault(f"{path}[{number}]", option, "which could loosen its confinement")
    if seen.bounds.get("no_new_privileges") == "required" and not _NO_NEW_PRIVILEGES.intersection(map(str, options)):
        seen.fault(path, None, "must have no-new-privileges=true", "no_new_privileges")
    return value


def check_log_options(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Options of the log driver do no more than bound its files."""
    del around
    for name, option in value.items() if isinstance(value, dict) else ():
        if name not in _LOG_OPTIONS:
            seen.fault(f"{path}[{show(name)}]", option, "which could make the engine connect somewhere or read files")
        elif name == "max-size" and not read_human_size(str(option)):
            seen.fault(f"{path}[{show(name)}]", option, "which is no size above 0, and bounds nothing")
    return value


def check_program(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """What runs is none of the programs for which Podman makes control groups writable, the host's among them.

    Podman takes the first word of entrypoint and command together, or the third behind `/bin/sh -c`; where the client
    names no entrypoint, that of the image may be the shell (createContainerOptions in its specgen).
    """
    entrypoint = around.get("Entrypoint")
    given = (("Entrypoint", entrypoint), (path, value))
    words = [(where, str(word)) for where, part in given if isinstance(part, list) for word in part]
    if isinstance(entrypoint, list) and len(entrypoint) == 1 and _IS_JSON(words[0][1]):
        seen.fault("Entrypoint", entrypoint[0], "which Podman reads as JSON")
    where, program = next((each for each in words if each[1] not in _SHELL), (path, ""))
    if base_name(program) == "systemd" or program.rstrip("/").endswith("/sbin/init"):
        seen.fault(where, program, "for which Podman makes its control groups writable")
    return value


def check_commands(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """What runs is one of the granted commands, word for word; `**` at the end is any more words."""
    del around
    granted = seen.bounds.get("commands")
    if not isinstance(granted, tuple):
        return value
    words = [str(word) for word in value] if isinstance(value, list) else []
    if not any(isinstance(command, tuple) and fits_command(command, words) for command in granted):
        needed = (tuple(words),) if words else ""
        says = "which is none of the granted commands" if words else "is missing, and only granted commands may run"
        seen.fault(path, value if words else None, says, "commands", needed)
    return value


def check_surroundings(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Nothing besides its words says what a granted command does: no variables, and no directory."""
    del around
    if value and "commands" in seen.bounds:
        seen.fault(path, value, "and decides what a command does; where only some may run, it must not be set")
    return value


def fits_command(command: tuple[str, ...], words: list[str]) -> bool:
    """Whether the words of a command line fit those of a policy, which are globs."""
    if command[-1:] == ("**",):
        command, words = command[:-1], words[: len(command) - 1]
    return len(words) == len(command) and all(map(_fits, command, words))


def _fits(glob: str, word: str) -> bool:
    return glob == word or Glob(glob).matches(word)
