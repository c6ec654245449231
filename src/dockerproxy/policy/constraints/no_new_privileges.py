"""`no_new_privileges`: that set-user-id programs must be kept from working."""

from dockerproxy.policy.constraints.base import Choice

CONSTRAINT = Choice("no_new_privileges", "set-user-id programs must be kept from working", "required")
