# ruff: noqa: E501 - a table: one field is one line, so that columns can be compared and lines be searched
"""Bodies that carry credentials and nothing else. `fields.py` says what a line means."""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.bodies.fields import Field, read_fields

# fmt: off
# path                                             type     since how              | what it can do
_AUTH: Final = read_fields("""
username                                           string   1.0   any              | is the client's own
password                                           string   1.0   any              | is the client's own
email                                              string   1.0   any              | is the client's own
auth                                               string   1.0   any              | is the client's own
identitytoken                                      string   1.22  any              | is the client's own
registrytoken                                      string   1.22  any              | is the client's own
serveraddress                                      string   1.0   server!          | has the engine connect there, and tell what answers
""")

_UNLOCK: Final = read_fields("""
UnlockKey                                          string   1.25  any              | opens a swarm to the one who has it
""")
# fmt: on

CREDENTIALS: Final[Mapping[str, tuple[str, tuple[Field, ...]]]] = {
    "SystemAuth": ("json", _AUTH),
    "SwarmUnlock": ("json", _UNLOCK),
}
"""By operation: what its body is, and its fields."""
