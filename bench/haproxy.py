"""HAProxy as the predecessor configures it: the rules, and the environment variables that open them.

The suite `conformance` is tried on it, too.
"""

from pathlib import Path
from string import Template
from typing import Final

TEMPLATE: Final = Path(__file__).parent / "haproxy.cfg"

PREDECESSOR: Final = "option http-server-close"
"""How the predecessor connects to the engine: anew for each request."""

# In the predecessor's order: the first that matches ends the search.
RULE: Final = r"http-request allow if { path,url_dec -m reg -i ^(/v[\d\.]+)?/%s } { env(%s) -m bool }"
VERBS: Final = {
    "containers/[a-zA-Z0-9_.-]+/((stop)|(restart)|(kill))": "ALLOW_RESTARTS",
    "containers/[a-zA-Z0-9_.-]+/start": "ALLOW_START",
    "containers/[a-zA-Z0-9_.-]+/stop": "ALLOW_STOP",
    "containers/[a-zA-Z0-9_.-]+/pause": "ALLOW_PAUSE",
    "containers/[a-zA-Z0-9_.-]+/unpause": "ALLOW_UNPAUSE",
}
SECTIONS: Final = {
    "auth": "AUTH",
    "build": "BUILD",
    "commit": "COMMIT",
    "configs": "CONFIGS",
    "containers": "CONTAINERS",
    "distribution": "DISTRIBUTION",
    "events": "EVENTS",
    "exec": "EXEC",
    "grpc": "GRPC",
    "images": "IMAGES",
    "info": "INFO",
    "networks": "NETWORKS",
    "nodes": "NODES",
    "_ping": "PING",
    "plugins": "PLUGINS",
    "secrets": "SECRETS",
    "services": "SERVICES",
    "session": "SESSION",
    "swarm": "SWARM",
    "system": "SYSTEM",
    "tasks": "TASKS",
    "version": "VERSION",
    "volumes": "VOLUMES",
}

CLOSED: Final = dict.fromkeys((*VERBS.values(), *SECTIONS.values()), "0")
"""All variables, none of which opens anything."""


def write_configuration(*, engine: Path, socket: Path, connections: str = PREDECESSOR) -> str:
    """Write its configuration between two sockets."""
    verbs, sections = ("\n    ".join(RULE % rule for rule in rules.items()) for rules in (VERBS, SECTIONS))
    return Template(TEMPLATE.read_text()).substitute(
        connections=connections, verbs=verbs, sections=sections, socket=socket, engine=engine
    )
