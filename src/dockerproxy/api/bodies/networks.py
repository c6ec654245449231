# ruff: noqa: E501 - a table: one field is one line, so that columns can be compared and lines be searched
"""Bodies about networks: what makes one, and what puts a container into one. `fields.py` says what a line means."""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.bodies.containers import ENDPOINT
from dockerproxy.api.bodies.fields import Field, read_fields, within
from dockerproxy.api.bodies.repeats import with_repeats

# fmt: off
# path                                             type     since how              | what it can do
_CREATE: Final = read_fields("""
Name                                               string   1.21  names!           | is what it is called
CheckDuplicate                                     boolean  1.21  any              | has older engines refuse a name that is there already
Driver                                             string   1.21  =bridge          | other drivers put containers on the host's own network, or are plugins
Scope                                              string   1.30  =local           | it makes the network one of the whole swarm
EnableIPv4                                         boolean  1.47  any              | gives containers addresses of IPv4
EnableIPv6                                         boolean  1.23  any              | gives containers addresses of IPv6
Internal                                           boolean  1.22  any              | leads nowhere outside
Attachable                                         boolean  1.24  any              | is about networks of a swarm only
Ingress                                            boolean  1.29  unset            | it takes the place of the swarm's own network for published ports
ConfigOnly                                         boolean  1.30  unset            | it is no network but what others are configured by
ConfigFrom.Network                                 string   1.30  unset            | it takes all its configuration, the driver's too, from another network
IPAM.Driver                                        string   1.21  =default         | another driver of addresses is a plugin
IPAM.Config[].Subnet                               string   1.21  part             | is where its addresses are
IPAM.Config[].IPRange                              string   1.21  part             | is the part of the subnet that containers get addresses from
IPAM.Config[].Gateway                              string   1.21  part             | is the address of the host in it
IPAM.Config[].AuxiliaryAddresses.*                 string   1.21  part             | are addresses that no container gets
IPAM.Config[]                                      object   1.21  subnets          | draws what the host sends to those addresses into the network
IPAM.Options.*                                     string   1.22  unset            | it is for a plugin that gives addresses
Options.*                                          string   1.21  network_options  | may take over an interface of the host, or open the network to others
Labels.*                                           string   1.23  labels!          | puts labels on it, which other programs may act on
""")

_CONNECT: Final = read_fields("""
Container                                          string   1.21  container!       | is the container that joins the network
EndpointConfig                                     object   1.22  endpoint         | is how it is joined
@Name                                              string   1.21  connected!       | is the network that is joined
""")

_DISCONNECT: Final = read_fields("""
Container                                          string   1.21  container!       | is the container that leaves the network
Force                                              boolean  1.22  any              | takes it out though it does not run
""")
# fmt: on

NETWORKS: Final[Mapping[str, tuple[str, tuple[Field, ...]]]] = {
    "NetworkCreate": ("json", with_repeats(_CREATE)),
    "NetworkConnect": ("json", (*_CONNECT, *within("EndpointConfig.", ENDPOINT))),
    "NetworkDisconnect": ("json", _DISCONNECT),
}
"""By operation: what its body is, and its fields."""
