"""`configs`: which configs of a swarm, by name or glob; which may be read."""

from dockerproxy.policy.constraints.names import Names

CONSTRAINT = Names("configs", "which configs of a swarm, by name or glob; which may be read")
