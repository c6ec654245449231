"""The table of each operation whose request says more than its path: one obvious place to look it up."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dockerproxy.api.bodies.archives import ARCHIVES
from dockerproxy.api.bodies.containers import CONTAINERS
from dockerproxy.api.bodies.credentials import CREDENTIALS
from dockerproxy.api.bodies.fields import Field, Node, grow_tree, list_beside
from dockerproxy.api.bodies.images import IMAGES
from dockerproxy.api.bodies.libpod_containers import LIBPOD_CONTAINERS
from dockerproxy.api.bodies.libpod_others import LIBPOD
from dockerproxy.api.bodies.networks import NETWORKS
from dockerproxy.api.bodies.services import SERVICES
from dockerproxy.api.bodies.starting import STARTING
from dockerproxy.api.bodies.volumes import VOLUMES


class Content(StrEnum):
    """What the body of a request is."""

    NONE = "none"
    JSON = "json"
    MAYBE_JSON = "json, or nothing"
    TAR = "tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request of an operation is made of.

    Attributes:
        operation: Its name.
        content: What its body is.
        fields: Every field of the body and every parameter of the query that the engine knows.
        root: The tree of the body's fields.
        parameters: Those of the query, by name.
        of_object: Fields of the object that the request names, by their path in what the engine says of it.
        of_head: Fields of the head, by their names.
    """

    operation: str
    content: Content
    fields: tuple[Field, ...]
    root: Node
    parameters: Mapping[str, Field]
    of_object: Mapping[str, Field]
    of_head: Mapping[str, Field]

    @property
    def asks(self) -> bool:
        """Whether the engine must be asked for the object before the request can be decided."""
        return bool(self.of_object)

    @property
    def streams(self) -> bool:
        """Whether the body is looked at as it passes."""
        return self.content is Content.TAR

    @property
    def optional(self) -> bool:
        """Whether there may be none."""
        return self.content is not Content.JSON

    @property
    def is_read(self) -> bool:
        """Whether the body must be there before the request can be decided."""
        return self.content in {Content.JSON, Content.MAYBE_JSON}


def make_body(operation: str, content: str, fields: tuple[Field, ...]) -> Body:
    """Make the table of an operation out of its lines."""
    return Body(
        operation=operation,
        content=Content(content),
        fields=fields,
        root=grow_tree(fields),
        parameters=list_beside(fields, "?"),
        of_object=list_beside(fields, "@"),
        of_head=list_beside(fields, "#"),
    )


_TABLES: Final = (
    ARCHIVES,
    CONTAINERS,
    CREDENTIALS,
    IMAGES,
    NETWORKS,
    SERVICES,
    STARTING,
    VOLUMES,
    LIBPOD,
    LIBPOD_CONTAINERS,
)

LINES: Final[Mapping[str, tuple[str, tuple[Field, ...]]]] = {
    name: lines for table in _TABLES for name, lines in table.items()
}
"""By operation: what its body is, and its fields. `policy/claims/tables.py` makes tables of them."""

SEALED: Final[Mapping[str, str]] = {
    "ArtifactLocalLibpod": "it stores any file of the host as an artifact, to be read back",
    "ArtifactPushLibpod": "it sends contents to any registry",
    "Grpc": "it is BuildKit's own protocol, into which nothing here can look",
    "ImageBuildLibpod": "Podman's own client builds in namespaces of the host, with a profile that is a file there",
    "ImageScpLibpod": "it copies an image to another host or user, with keys of the host",
    "KubeApplyLibpod": "it acts on a cluster with a login file of the host",
    "KubePlayDownLibpod": "it deletes whatever the YAML in the body names",
    "KubePlayLibpod": "the YAML in the body may say anything that a container can be",
    "LocalBuildLibpod": "it builds from any directory of the host, which gives its files away",
    "LocalImagesLibpod": "it reads any file of the host",
    "ManifestCreateLibpod": "it takes images from any registry into a list, under a name that others may trust",
    "ManifestModifyLibpod": "it takes images from any registry, and files, into a list",
    "ManifestPushLibpod": "it sends images to any registry",
    "NetworkUpdateLibpod": "it says whom Podman asks for names, for all that use the network",
    "NodeUpdate": "it can make a node of the swarm one that rules it",
    "PlayKubeDownLibpod": "it deletes whatever the YAML in the body names",
    "PlayKubeLibpod": "the YAML in the body may say anything that a container can be",
    "PluginCreate": "a plugin is code that runs as root on the host",
    "PluginPull": "a plugin is code that runs as root on the host",
    "PluginPush": "it sends a plugin's contents to a registry",
    "PluginSet": "it can give a plugin directories and devices of the host",
    "PluginUpgrade": "a plugin is code that runs as root on the host",
    "QuadletInstallLibpod": "systemd runs what the units say, on the host",
    "Session": "it is BuildKit's own protocol, into which nothing here can look",
    "SwarmInit": "it can hand the host to another swarm",
    "SwarmJoin": "it hands the host to whoever rules another swarm",
    "SwarmUpdate": "it can replace the keys on which the swarm's trust rests",
    "VolumeImportLibpod": "Podman unpacks the archive on the host, through whatever links are in the volume",
    "VolumeUpdate": "it is about volumes of a swarm, which plugins bring to any node",
}
"""Operations that nothing can bound, with the reason: they are granted unrestricted or not at all."""

CONTAINED: Final = frozenset({*LINES, *SEALED})
"""Operations of which a grant without `unrestricted` allows a part, or nothing."""
