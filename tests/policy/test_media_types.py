"""A body has one of the types that clients send, whatever an engine would make of another."""

from rows import for_each

from dockerproxy.api.catalog import OPERATIONS, UNKNOWN
from dockerproxy.policy.judge import find_media_types
from dockerproxy.wire.head import MediaType, read_media_type

DOCKERS_CLIENT = {  # moby client/*.go; text/plain is what it says of a body without a type.
    "ContainerAttach": "text/plain",
    "ContainerCreate": "application/json",
    "ImageBuild": "application/x-tar",
    "ImageCreate": "text/plain",
    "ImageLoad": "application/x-tar",
    "PluginCreate": "application/x-tar",
    "PutContainerArchive": "text/plain",
}
OTHERS = {
    "ImageBuild": "application/tar",  # docker-py, dockerode
    "ContainerKill": "application/json",  # dockerode
    "ImageCreate": "application/json",  # dockerode
    "ImageLoad": "application/octet-stream",  # curl
    "ImageBuildLibpod": "multipart/form-data",  # Podman with several contexts
    "KubePlayLibpod": "application/x-tar",  # Podman
}


@for_each(("name", "kind"), [*DOCKERS_CLIENT.items(), *OTHERS.items()])
def test_what_clients_send_is_taken(name: str, kind: str) -> None:
    assert kind in find_media_types(OPERATIONS[name])


def test_no_form_is_taken_where_docker_or_podman_reads_parameters_from_one() -> None:
    for operation in (UNKNOWN, *OPERATIONS.values()):
        kinds = find_media_types(operation)
        assert "application/x-www-form-urlencoded" not in kinds
        assert operation.section.startswith("libpod/") or "multipart/form-data" not in kinds


def test_each_is_a_media_type() -> None:
    for operation in OPERATIONS.values():
        for kind in find_media_types(operation):
            assert read_media_type(kind.encode()) == MediaType(kind)
