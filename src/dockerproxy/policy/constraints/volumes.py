"""`volumes`: which volumes, by name or glob; which may be mounted."""

from dockerproxy.policy.constraints.names import Names

CONSTRAINT = Names("volumes", "which volumes, by name or glob; which may be mounted")
