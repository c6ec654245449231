"""`no_new_privileges`: that set-user-id programs must be kept from working."""

from typing import Final

from dockerproxy.policy.words.constraint import Choice

SPELLED: Final = ("no-new-privileges", "no-new-privileges=true", "no-new-privileges:true")
"""How a security option says it."""

SINCE: Final = (1, 44, 0)
"""Under older versions the engine leaves the field of a service out (`adjustForAPIVersion` in its service router)."""

CONSTRAINT = Choice("no_new_privileges", "set-user-id programs must be kept from working", "required")
