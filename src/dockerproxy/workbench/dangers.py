"""Which grants give away more than they seem to: questions about one case of a policy, by what it says of bodies.

Of one that is unrestricted nothing is looked at but the path, and it has nearly every danger. One that is contained has
those that its conditions let through.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from dockerproxy.policy.compile import Case
from dockerproxy.policy.constraints.add_capabilities import capability_name
from dockerproxy.policy.constraints.binds import split_mode
from dockerproxy.policy.globs import fits
from dockerproxy.policy.model import values_of
from dockerproxy.policy.objects import is_full_id
from dockerproxy.policy.references import normalise_pattern
from dockerproxy.policy.values import Value
from dockerproxy.policy.wording import is_literal

Danger = Callable[[Case], bool]

_ENGINES: Final = (
    *("/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock"),
    *("/", "/run", "/var", "/var/run", "/run/podman", "/run/containerd"),
)
"""Sockets of engines, and where they are: that one is mounted to read keeps nobody from speaking to it."""

# Paths of any Linux host, and some below /etc, /dev, /home and the like, which a pattern may mean.
_TRUSTED: Final = (
    *("/etc", "/etc/passwd", "/etc/cron.d", "/etc/x", "/root", "/root/.ssh", "/usr", "/usr/bin", "/bin", "/sbin"),
    *("/lib", "/boot", "/dev", "/dev/sda", "/proc", "/proc/sys", "/sys", "/sys/fs", "/var/lib", "/var/lib/docker"),
    *("/var/lib/docker/volumes", "/var/lib/containers", "/var/spool/cron", "/usr/local/bin", "/home"),
    *(f"/home/{path}" for path in ("any", "any/.ssh")),
    *(f"/run/user/{path}" for path in ("1000", "1000/podman", "1000/podman/podman.sock")),
    *("/var/lib/docker/volumes/any", "/var/lib/docker/volumes/any/_data", "/proc/1/root"),
)
"""Some directories and files that the host trusts: who writes there is root on it before long."""

_FREEING: Final = frozenset({"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF"})
"""Capabilities with which a program leaves its container (capabilities(7)). SYS_PTRACE is none of them: it reaches only
the processes that a container sees, which are its own."""

_ANY_NAME: Final = ("a", "any-name", "ANY_name.9")
"""What no pattern matches all of that is meant for some names."""

_ANY_PATHS: Final = ("any", "any/name", "library/any")
_ANY_TAGS: Final = ("latest", "9-any")
"""What no pattern has in mind that is meant for some images of a registry."""


def is_contained(case: Case) -> bool:
    """Whether what a request says is looked at."""
    return case.body is not None


def is_any(_: Case) -> bool:
    """Say yes: it is there whatever is looked at."""
    return True


def lacks(*words: str) -> Danger:
    """Whether one of some conditions is missing. Those on objects may be there where nothing else is looked at."""
    return lambda case: not {condition.word for condition in case.conditions}.issuperset(words)


def is_contained_without(*words: str) -> Danger:
    """Whether what a request says is looked at, but one of some conditions is missing."""
    missing = lacks(*words)
    return lambda case: is_contained(case) and missing(case)


def _list(case: Case, word: str) -> tuple[str, ...]:
    return _items(values_of(case.conditions).get(word)) if is_contained(case) else ()


def _items(value: Value | None) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, tuple) else ()


def _capabilities(case: Case) -> frozenset[str]:
    return frozenset(map(capability_name, _list(case, "add_capabilities")))


def runs_privileged(case: Case) -> bool:
    """Whether a grant that is contained lets a command have all capabilities."""
    return "privileged" in _list(case, "options")


# What is mounted


def writes_host(case: Case) -> bool:
    """Whether a grant that is contained lets directories of the host be mounted to write there."""
    return any(split_mode(item)[1] == "rw" for item in _list(case, "binds"))


def makes_links(case: Case) -> bool:
    """Whether what a client may mount is chosen by a pattern, in a place where it may write."""
    return any(mode == "rw" and not is_literal(path) for path, mode in map(split_mode, _list(case, "binds")))


def owns_host(case: Case) -> bool:
    """Whether a grant that is contained gives the host away all the same."""
    return bool(_FREEING & _capabilities(case)) or any(map(_owns, _list(case, "binds")))


def _owns(bind: str) -> bool:
    path, mode = split_mode(bind)
    return any(map(partial(fits, path), (*_ENGINES, *(_TRUSTED if mode == "rw" else ()))))


def gives_away(bind: str) -> bool:
    """Whether a pattern over directories of the host covers what the host trusts, even if only to read."""
    return _owns(split_mode(bind)[0])


# What it may do besides


def adds(*capabilities: str) -> Danger:
    """Whether a grant that is contained adds one of these. Of ALL, which is worse, something else is said."""
    return lambda case: not _capabilities(case).isdisjoint(capabilities)


def becomes_root(case: Case) -> bool:
    """Whether who must not be root may become it again within the container."""
    return values_of(case.conditions).get("user") == "not-root" and "no_new_privileges" not in case.by_word


def reads_every_secret(case: Case) -> bool:
    """Whether a grant that is contained shows secrets by a pattern that means all of them."""
    return any(all(map(partial(fits, item), _ANY_NAME)) for item in _list(case, "secrets"))


# Names that are given


def replaces_images(case: Case) -> bool:
    """Whether an image may be given any name, at least any of a whole registry."""
    words = {condition.word: condition.value for condition in case.conditions}
    named = words.get("tags", words.get("images"))
    if "from" in words:  # Then images are pulled only, and a name is what its registry says.
        return False
    return case.body is None if named is None else any(map(_is_any_image, _items(named)))


def _is_any_image(item: str) -> bool:
    if is_full_id(item):
        return False
    pattern = normalise_pattern(item)
    registry = pattern.partition("/")[0]
    names = (f"{registry}/{path}:{tag}" for path in _ANY_PATHS for tag in _ANY_TAGS)
    return any(map(partial(fits, pattern), names))
