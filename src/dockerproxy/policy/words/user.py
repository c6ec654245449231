"""`user`: whether a container or command may run as root, or who it is if it can write to the host.

A set-user-id file of root in a writable bind makes every local user root. So with `user: client`, a container that can
write to a bind runs as the client, which could write such files anyway. It fills in nothing where the engine's root is
another user of the host.

Attacks: docs/attacks.md, policy/words/user.
"""

from collections.abc import Hashable
from typing import Final, NamedTuple

from dockerproxy.policy.claim import KEEP, Claim, Object, Reading, Substitute, objects_at
from dockerproxy.policy.descriptions import read_security
from dockerproxy.policy.objects import EXEC, Kind, Lookup, ResolvedObject
from dockerproxy.policy.subtrees import is_ours
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.binds import Bind
from dockerproxy.policy.words.constraint import Condition, Constraint, Matcher
from dockerproxy.policy.words.spellings import is_certainly_not_root
from dockerproxy.wire.document import Json

CLIENT: Final = "client"
ROOT: Final = "0:0"
"""The client if root itself runs a program: it gains nothing. A peer of a socket is never this."""

MAPPED: Final = frozenset({"rootless", "userns"})
"""An engine's security options with which root in a container is another user outside."""

_UNMAPPED: Final = 65534
"""The user or group that the kernel shows for one without a number in this user namespace."""


class Bound(NamedTuple):
    """A claim of a container that can write to a bind.

    Attributes:
        value: The claim's value otherwise.
        client: The client's user and group, like `Known.client`.
        engine: The engine's description, or the lookup for it.
    """

    value: Hashable
    client: str
    engine: ResolvedObject | Lookup


class _User(Constraint):
    """Group 0 owns host files, and in many images can write /etc/passwd.

    Docker and Podman assign it to a UID that the image does not know (moby/sys/user, GetExecUser), and the image is
    unknown here.

    Values of claims are users, or whether the engine reads the option that disables set-user-id programs. If the
    container can write to a bind, each is claimed twice, the second time as `Bound`, which only `client` limits.
    """

    takes = Takes.CHOICE
    choices = ("not-root", CLIENT, "any")
    acts = True

    def matcher(self, granted: Value) -> Matcher:
        """Match a user that is certainly not root, or the client, if required."""
        if granted == "not-root":
            return lambda value: value is True or isinstance(value, Bound) or _is_not_root(value)
        return lambda value: granted == "any" or not isinstance(value, Bound) or _is_client(value)

    def judge(self, condition: Condition, claim: Claim) -> Substitute | Lookup:
        """Disable set-user-id programs, and fill in the client, if required."""
        value = claim.options[0][0] if claim.options else None
        if condition.value == "not-root" and not isinstance(value, Bound):
            return super().judge(condition, claim)
        if condition.value != CLIENT or not isinstance(value, Bound) or value.client == ROOT:
            return KEEP
        if isinstance(value.engine, Lookup):
            return value.engine
        return KEEP if _is_mapped(value.engine) else super().judge(condition, claim)

    def least(self, value: Hashable) -> Value | None:
        """Require what the request already meets."""
        if isinstance(value, Bound):
            return CLIENT if _is_client(value) else "any"
        return "not-root" if value is True or _is_not_root(value) else "any"

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return a user that is certainly not root, or one that may be."""
        return ("1000:1000" if least == "not-root" else "root",)

    def within(self, inner: Value, outer: Value) -> bool:
        """Whether the outer value requires no more."""
        return outer in {inner, "any"}

    def problem(self, granted: Value | None, claim: Claim) -> str:
        """Explain how to name a user that is admitted."""
        value = claim.options[0][0] if claim.options else ""
        bound = value if isinstance(value, Bound) else None
        value = bound.value if bound is not None else value
        if value is False:
            return claim.says
        if bound is not None and not is_certainly_not_root(bound.client):
            says = "the container can write to a bind, and the client is root, in group 0 or without a number here"
            return f"{'but' if value else 'is missing,'} {says}"
        if granted == CLIENT and bound is not None:
            return f"but the container can write to a bind, so it must be the client: use --user {bound.client}"
        if not value:
            return "is missing, so it may be root; set one, like 1000:1000"
        if isinstance(value, str) and is_certainly_not_root(f"{value}:{value}"):
            return f"but must have a group, like {value}:{value}, or it may get root's"
        return "but must be a user and a group that are not root, by number, like 1000:1000"


def _is_not_root(value: Hashable) -> bool:
    return isinstance(value, str) and is_certainly_not_root(value)


def _is_client(bound: Bound) -> bool:
    """Whether it is the client, or will be, or disables set-user-id programs."""
    return bound.value is True or (is_certainly_not_root(bound.client) and bound.value in {"", bound.client})


def _is_mapped(engine: ResolvedObject) -> bool:
    """Whether root in a container is another user outside."""
    return not read_security(engine.document.get("securityoptions")).isdisjoint(MAPPED)


def name_client(uid: int, gid: int) -> str:
    """Return a peer's user and group for a container; empty if it may not have them."""
    name = f"{uid}:{gid}"
    return name if _UNMAPPED not in {uid, gid} and is_certainly_not_root(name) else ""


def bind_users(reading: Reading) -> None:
    """Claim the users of a container again if it can write to a bind. Called when all mounts are known."""
    is_exec = reading.request.operation.name == EXEC
    mounts = reading.found.document.get("mounts") if reading.found is not None else None
    if not (writes_to_host(mounts, reading.places.own_socket) if is_exec else _may_write(reading)):
        return
    asked = Lookup(Kind.ENGINE, "", "/info", reading.request.operation)
    engine = reading.find(asked.kind, asked.name) or asked
    for claim in [each for each in reading.claims if each.word == "user"]:
        for value, put in claim.options:
            if value != "" or not is_exec:  # A command runs as the container's user.
                put = reading.client if value == "" else put  # noqa: PLW2901 (what is put there)
                options = ((Bound(value, reading.client, engine), put),)
                reading.claims.append(claim._replace(options=options, target=claim.path))


def _may_write(reading: Reading) -> bool:
    """Whether a create mounts a directory of the host that it may write to."""
    values = (value for claim in reading.claims if claim.word == "binds" for value, _ in claim.options)
    return any(isinstance(value, Bind) and not value.read_only for value in values)


def writes_to_host(mounts: object, own_socket: str) -> bool:
    """Whether one of an inspection's mounts is a writable directory of the host. The client's socket does not count."""
    writable = (each for _, each in objects_at(mounts, "") if each.get("RW") is not False)
    binds = (each for each in writable if each.get("Type") == "bind" or is_ours(each.get("Name")))
    return not isinstance(mounts, list) or any(each.get("Source") != own_socket for each in binds)


def check_user(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A user, optionally with a group. Without one, the image decides."""
    reading.claim("user", value if isinstance(value, str) else "", path, value or None)


_SUMMARY: Final = (
    "who it may be, with no-new-privileges: `not-root` needs user and group by number; `client` is the client in what"
    " can write to `binds`, whatever the image's `USER`"
)
WORDS: Final = (_User("user", _SUMMARY, narrows=True),)
CHECKS: Final = (check_user,)
