"""What clients send about images is known, parameter by parameter, and nothing else is."""

import pytest
from api.bodies.files import tables_in
from policy.words.looking import faults, look

from dockerproxy.policy.values import Value

IMAGES = tables_in("images")


TAGS = ("ci/app:*", "**")

FROM_CLIENTS = {
    "docker tag": ("ImageTag", "?repo=ci/app&tag=1"),
    "docker-py tag": ("ImageTag", "?repo=ci/app&tag=1&force=0"),
    "docker pull": ("ImageCreate", "?fromImage=docker.io/library/nginx&tag=latest"),
    "docker-py pull": ("ImageCreate", "?fromImage=nginx&tag=1&platform=linux/amd64"),
    "docker import": ("ImageCreate", "?fromSrc=-&message=&repo=ci/app&tag=1&platform="),
}


OF_PODMAN = [
    ("ImagePush", "?all=true&compress=1&format=oci&tlsVerify=true"),
    ("ImagePush", "?compressionFormat=zstd&compressionLevel=3&forceCompressionFormat=1"),
    ("ImageCreate", "?fromImage=nginx&tag=1&retry=3&retryDelay=2s"),
]


@pytest.mark.parametrize(("name", "query"), OF_PODMAN)
def test_what_podman_reads_besides_and_reaches_nothing_passes(name: str, query: str) -> None:
    assert faults(name, query, tags=TAGS, images=("**",)) == []


@pytest.mark.parametrize(("name", "query"), FROM_CLIENTS.values(), ids=FROM_CLIENTS)
def test_what_clients_send_passes(name: str, query: str) -> None:
    assert faults(name, query, tags=TAGS) == []


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("ImagePush", "?destination=evil.example/loot"),
        ("ImagePush", "?destination="),
        ("ImagePush", "?DESTINATION=evil.example/loot"),
        ("ImagePush", "?tlsVerify=false"),
        ("ImageCreate", "?fromImage=nginx&tlsVerify=false"),
        ("ImageCreate", "?fromImage=nginx&fromimage=evil.example/x"),
        ("ImageTag", "?repo=ci/app&REPO=nginx"),
    ],
)
def test_what_only_podman_reads_is_refused(name: str, query: str) -> None:
    bounds: dict[str, Value] = {"tags": TAGS} if name == "ImageCreate" else {"tags": TAGS, "images": ("**",)}
    assert len(look(name, query, bounds=bounds).faults) == 1


def test_what_is_pulled_within_bounds_is_named_with_its_registry() -> None:
    bounds, whole = {"images": ("docker.io/**",)}, {"fromImage": ("docker.io/ci/app",)}
    assert look("ImageCreate", "?fromImage=ci/app&tag=1", bounds=bounds).query == whole
    assert look("ImageCreate", "?fromImage=docker.io/ci/app&tag=1", bounds=bounds).query == {}
    assert look("ImageCreate", "?fromImage=ci/app&tag=1").query == {}


def test_no_table_is_without_its_parameters() -> None:
    for name, body in IMAGES.items():
        assert any(each.path.startswith("?") for each in body.fields), name
