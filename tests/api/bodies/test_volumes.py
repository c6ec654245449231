"""A volume is a directory of its own, and nothing of the host."""

import pytest
from policy.words.looking import faults, look
from rows import for_each

from dockerproxy.wire.document import Json

FROM_CLIENTS: dict[str, dict[str, Json]] = {
    "docker volume create": {"Driver": "local", "DriverOpts": {}, "Labels": None, "Name": "data"},
    "docker compose up": {
        "Driver": "",
        "DriverOpts": None,
        "Labels": {"com.docker.compose.volume": "data"},
        "Name": "x",
    },
    "docker-py": {"Name": None, "Driver": None, "DriverOpts": None},
    "docker run -v": {"Name": "data", "ClusterVolumeSpec": None},
}


@pytest.mark.parametrize("body", FROM_CLIENTS.values(), ids=FROM_CLIENTS)
def test_what_clients_send_for_an_ordinary_volume_passes_whole(body: dict[str, Json]) -> None:
    seen = look("VolumeCreate", content=body)
    assert (seen.faults, seen.content) == ((), body)


@for_each(
    "more",
    [
        {"DriverOpts": {"type": "none", "o": "bind", "device": "/etc"}},
        {"driveropts": {"device": "/dev/sda1", "type": "ext4"}},
        {"DriverOpts": {"type": "nfs", "o": "addr=10.0.0.1", "device": ":/export"}},
        # The type is tmpfs, and what mount(8) does is bind.
        {"DriverOpts": {"type": "tmpfs", "o": "bind", "device": "/etc"}},
        {"DriverOpts": {"o": "size=10m"}},
        {"DriverOpts": {"size": "10m"}},
        {"Driver": "some/plugin"},
        {"Driver": "image", "DriverOpts": None},
        {"ClusterVolumeSpec": {}},
        {"ClusterVolumeSpec": {"Group": "all", "Secrets": [{"Key": "a", "Secret": "b"}]}},
        {"ClusterVolumeSpec": {"AccessMode": {"Secrets": [{"Key": "a", "Secret": "b"}]}}},
        {"Mountpoint": "/etc"},
    ],
)
def test_a_volume_is_no_directory_of_the_host_in_disguise(more: dict[str, Json]) -> None:
    assert len(faults("VolumeCreate", "", {"Name": "data", **more})) == 1


def test_names_and_labels_are_those_of_the_grant() -> None:
    assert faults("VolumeCreate", "", {"Name": "ci_a"}, names=("ci_*",)) == []
    assert len(faults("VolumeCreate", "", {"Name": "web"}, names=("ci_*",))) == 1
    assert len(faults("VolumeCreate", "", {"Name": ""}, names=("ci_*",))) == 1
