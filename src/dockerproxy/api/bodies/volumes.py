# ruff: noqa: E501 - a table: one field is one line, so that columns can be compared and lines be searched
"""Bodies about volumes. `fields.py` says what a line means.

Options of the local driver are those of mount(8): `type`, `o` and `device` make a volume of any directory, disk or
share that the host can reach. None of them is let through, not even `size`, which needs a file system with quotas: a
volume with options could not be told from such a one when it is mounted.
"""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.bodies.fields import Field, read_fields, within
from dockerproxy.api.bodies.repeats import with_repeats

# fmt: off
# path                                             type     since how              | what it can do
_CREATE: Final = read_fields("""
Name                                               string   1.21  names!           | is what it is called
Driver                                             string   1.21  =local           | a volume plugin may mount anything
DriverOpts.*                                       string   1.21  unset            | a volume with options may be any directory of the host
Labels.*                                           string   1.23  labels!          | puts labels on it, which other programs may act on
""")

_CLUSTER: Final = read_fields("""
Group                                              string   1.42  part             | names a group of volumes
Availability                                       string   1.42  part             | says whether it may be used
AccessMode.Scope                                   string   1.42  part             | says on how many nodes it may be at once
AccessMode.Sharing                                 string   1.42  part             | says who may write to it at once
AccessMode.MountVolume.FsType                      string   1.42  part             | is its file system
AccessMode.MountVolume.MountFlags[]                string   1.42  part             | are options of mount
AccessMode.BlockVolume                             empty    1.42  part             | makes it a device
AccessMode.Secrets[].Key                           string   1.42  part             | is what the plugin calls a secret
AccessMode.Secrets[].Secret                        string   1.42  part             | hands a secret of the swarm to the plugin
AccessMode.AccessibilityRequirements.Requisite[].Segments.* string 1.42 part       | says where it must be reached from
AccessMode.AccessibilityRequirements.Preferred[].Segments.* string 1.42 part       | says where it should be reached from
AccessMode.CapacityRange.RequiredBytes             integer  1.42  part             | is its size at least
AccessMode.CapacityRange.LimitBytes                integer  1.42  part             | is its size at most
AccessMode.Availability                            string   1.42  part             | says whether it may be used
Secrets[].Key                                      string   1.42  part             | is what the plugin calls a secret
Secrets[].Secret                                   string   1.42  part             | hands a secret of the swarm to the plugin
AccessibilityRequirements.Requisite[].Segments.*   string   1.42  part             | says where it must be reached from
AccessibilityRequirements.Preferred[].Segments.*   string   1.42  part             | says where it should be reached from
CapacityRange.RequiredBytes                        integer  1.42  part             | is its size at least
CapacityRange.LimitBytes                           integer  1.42  part             | is its size at most
""")

_WHOLE: Final = read_fields("""
ClusterVolumeSpec                                  object   1.42  absent           | it is a volume of the whole swarm, which a plugin makes
""")
# fmt: on

VOLUMES: Final[Mapping[str, tuple[str, tuple[Field, ...]]]] = {
    "VolumeCreate": ("json", with_repeats((*_CREATE, *within("ClusterVolumeSpec.", _CLUSTER), *_WHOLE))),
}
"""By operation: what its body is, and its fields."""
