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
    "ArtifactLocalLibpod": "it stores any file of the host as an artifact, which can be read",
    "ArtifactPushLibpod": "it pushes contents to any registry",
    "Grpc": "it is BuildKit's own protocol, which the proxy cannot read",
    "ImageBuildLibpod": "Podman's client builds in host namespaces, with a seccomp profile from a host file",
    "ImageScpLibpod": "it copies an image to another host or user, with SSH keys of the host",
    "KubeApplyLibpod": "it acts on a Kubernetes cluster, with a kubeconfig of the host",
    "KubePlayDownLibpod": "it deletes everything that the YAML in the body names",
    "KubePlayLibpod": "the YAML in the body can describe any container",
    "LocalBuildLibpod": "it builds from any directory of the host, and so reveals its files",
    "LocalImagesLibpod": "it reads any file of the host",
    "ManifestCreateLibpod": "it adds images from any registry to a manifest list, under a name that others may trust",
    "ManifestModifyLibpod": "it adds images from any registry, and files, to a manifest list",
    "ManifestPushLibpod": "it pushes images to any registry",
    "NetworkUpdateLibpod": "it sets the DNS servers of every container on the network",
    "NodeUpdate": "it can promote a node to a manager of the swarm",
    "PlayKubeDownLibpod": "it deletes everything that the YAML in the body names",
    "PlayKubeLibpod": "the YAML in the body can describe any container",
    "PluginCreate": "a plugin is code that runs as root on the host",
    "PluginPull": "a plugin is code that runs as root on the host",
    "PluginPush": "it pushes a plugin's contents to any registry",
    "PluginSet": "it can give a plugin directories and devices of the host",
    "PluginUpgrade": "a plugin is code that runs as root on the host",
    "QuadletInstallLibpod": "systemd runs the commands of the units on the host",
    "Session": "it is BuildKit's own protocol, which the proxy cannot read",
    "SwarmInit": "it can hand the host to another swarm",
    "SwarmJoin": "it hands the host to the managers of another swarm",
    "SwarmUpdate": "it can replace the keys and certificates of the swarm",
    "VolumeImportLibpod": "Podman unpacks the archive on the host, and follows links in the volume",
    "VolumeUpdate": "it changes cluster volumes, which plugins attach to any node",
}
"""Operations that nothing can bound, with the reason: they are granted unrestricted or not at all."""

CONTAINED: Final = frozenset({*LINES, *SEALED})
"""Operations of which a grant without `unrestricted` allows a part, or nothing."""
