# ruff: noqa: E501 - a table: one field is one line, so that columns can be compared and lines be searched
"""Parameters and bodies about starting a container, from a checkpoint too, and giving it another name.

A checkpoint is a directory of a process's memory, by itself among the engine's own files. Listing them is a read, and
never contained: no read is, so that a section that reads means the same with and without `unrestricted`. `fields.py`
says what a line means.
"""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.bodies.fields import Field, read_fields

# fmt: off
# path                                             type     since how              | what it can do
_START: Final = read_fields("""
?detachKeys                                        string   1.22  any              | are the keys with which the client leaves
?checkpoint                                        string   1.25  checkpoint       | is what it goes on from
?checkpoint-dir                                    string   1.25  started          | is a directory of the host
""")

_CHECKPOINT: Final = read_fields("""
CheckpointID                                       string   1.25  checkpoint       | is what it is called
CheckpointDir                                      string   1.25  unset            | it is a directory of the host
Exit                                               boolean  1.25  any              | stops the container
""")

_DELETE: Final = read_fields("""
?dir                                               string   1.25  absent           | it is a directory of the host
""")

_RENAME: Final = read_fields("""
?name                                              string   1.17  names!           | is what it is called then
""")
# fmt: on

STARTING: Final[Mapping[str, tuple[str, tuple[Field, ...]]]] = {
    "ContainerStart": ("none", _START),
    "ContainerRename": ("none", _RENAME),
    "CheckpointCreate": ("json", _CHECKPOINT),
    "CheckpointDelete": ("none", _DELETE),
}
"""By operation: what its body is, and its fields."""
