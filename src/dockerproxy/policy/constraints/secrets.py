"""`secrets`: which secrets, by name or glob; which may be read."""

from dockerproxy.policy.constraints.names import Names

CONSTRAINT = Names("secrets", "which secrets, by name or glob; which may be read")
