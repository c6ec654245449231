"""`containers`: which containers, by name, glob or full id."""

from dockerproxy.policy.constraints.names import Names

CONSTRAINT = Names("containers", "which containers, by name, glob or full id", narrows=True)
