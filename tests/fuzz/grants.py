"""Policies that inputs of the fuzzer are judged by, read from policy files as an operator's are."""

import json
from functools import lru_cache
from typing import Final

from dockerproxy.api.bodies.tables import SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.environment import read_environment
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Mode
from dockerproxy.policy.objects import LABELLED, OWN, RUNNING
from dockerproxy.policy.values import Takes
from dockerproxy.policy.vocabulary import find_words, is_of_body
from dockerproxy.problems import UserError
from dockerproxy.wire.document import Json

VALUES: Final[dict[str, Json]] = {
    "images": ["nginx", "localhost/ci/*"],
    "tags": ["ci/*", "docker.io/library/tiny:*", "localhost/ci/**"],
    "path": ["/data/**"],
    "signal": ["HUP", "USR1"],
    "services": ["pile_*"],
    "volumes": ["ci_*"],
    "networks": ["ci_default", "default"],
    "pods": ["ci*"],
    "containers": ["web", "w*"],
    "buildx_builders": "none",
    "names": ["ci-*", "a"],
    "binds": ["/srv/*", "/data:ro"],
    "subnets": ["10.9.0.0/16", "fd00::/8"],
    "secrets": ["pile_*"],
    "configs": ["pile_*"],
    "joins": ["web", "guest"],
    "publish": {"ports": [80, "8000-8999"], "addresses": ["127.0.0.1", "::1"]},
    "add_capabilities": ["NET_ADMIN"],
    "memory": "512MiB",
    "cpus": "1.5",
    "pids": 100,
    "user": "not-root",
    "no_new_privileges": "required",
    "labels": {"owner": "ci"},
    "commands": [["sh", "-c", "**"], ["true"]],
    "labelled": {"project": ["shop", "store"], "stage": "test"},
    "own": True,
}
"""What a grant says by its words; flags are to be false."""


def read_grants(*grants: Json, mode: Mode = Mode.ENFORCE) -> CompiledPolicy:
    """Return the policy of a socket with some grants.

    Raises:
        UserError: There is something wrong in them.
    """
    socket = {"path": "/proxied/fuzz.sock", "mode": mode.value, "allow": list(grants)}
    return read_policy(json.dumps({"sockets": {"fuzz": socket}}), "policy.yaml").sockets[0].policy


@lru_cache(maxsize=256)
def read_grant(operation: str, bounds: str, mode: Mode) -> CompiledPolicy | None:
    """Return the policy of a grant of one operation, with what it says as JSON; None if it cannot say that."""
    try:
        return read_grants({operation: json.loads(bounds)} if bounds else operation, mode=mode)
    except (ValueError, RecursionError, UserError):
        return None


def _narrow(name: str) -> Json:
    """Return a grant with each condition that its operation can bear that is about the head, or names of images."""
    words = find_words(OPERATIONS[name])
    said = {
        word.name: False if word.takes is Takes.FLAG else VALUES[word.name]
        for word in words.values()
        if (word.name == "tags" or not is_of_body(OPERATIONS[name], word.name))
        and word.name not in {OWN, LABELLED, RUNNING}
    }
    return {name: said or None}


EVERYTHING: Final = read_environment({"ALLOW": ",".join(OPERATIONS)}).settings.sockets[0].policy
NARROW: Final = read_grants(*(_narrow(name) for name in OPERATIONS if name not in SEALED))
"""Everything that can be contained, as far as it is, and on conditions."""
