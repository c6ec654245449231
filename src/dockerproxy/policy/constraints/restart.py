"""`restart`: the restart policies that a container may have. Without it any."""

from typing import Final

from dockerproxy.policy.claim import Check, Object, Reading
from dockerproxy.policy.constraints.base import Words
from dockerproxy.wire.document import Json


def _check(reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """A restart policy; nothing named is `no`."""
    del parent
    reading.claim("restart", str(value or "no"), path, value or None, "which is none of the granted restart policies")
    return value


CONSTRAINT = Words(
    "restart",
    "which restart policies it may have, like no or on-failure",
    ("no", "on-failure", "unless-stopped", "always"),
)

READS: Final[dict[tuple[str, str], Check]] = {
    ("ContainerCreate", "HostConfig.RestartPolicy.Name!"): _check,
    ("ContainerUpdate", "RestartPolicy.Name"): _check,
    ("ContainerCreateLibpod", "restart_policy!"): _check,
}
