"""`services`: which services, by name, glob or full id."""

from dockerproxy.policy.constraints.names import Names

CONSTRAINT = Names("services", "which services, by name, glob or full id", narrows=True)
