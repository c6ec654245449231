"""What clients send with an archive is known, parameter by parameter, and nothing else is."""

import pytest
from api.bodies.files import tables_in
from policy.claims.looking import faults

from dockerproxy.api.bodies.tables import SEALED, Content
from dockerproxy.policy.claims.tables import BODIES

ARCHIVES = tables_in("archives")

FROM_CLIENTS = {
    "docker cp": ("PutContainerArchive", "?noOverwriteDirNonDir=true&path=%2Fdata"),
    "docker cp -a": ("PutContainerArchive", "?copyUIDGID=true&noOverwriteDirNonDir=true&path=%2Fdata"),
    "docker-py put_archive": ("PutContainerArchive", "?path=%2Fdata"),
    "docker load": ("ImageLoad", "?quiet=1"),
    "docker load of one platform": ("ImageLoad", "?quiet=0&platform=%7B%22os%22%3A%22linux%22%7D"),
    "docker-py build": ("ImageBuild", "?t=ci/app&q=False&nocache=False&rm=True&forcerm=False&pull=False"),
}


@pytest.mark.parametrize(("name", "query"), FROM_CLIENTS.values(), ids=FROM_CLIENTS)
def test_what_clients_send_passes(name: str, query: str) -> None:
    assert faults(name, query, tags=("ci/*",)) == []


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("PutContainerArchive", "?path=/x&rename=%7B%7D"),
        ("PutContainerArchive", "?path=/x&Path=/y"),
        ("PutContainerArchive", "?path=/x&path=/y"),
        ("ImageLoad", "?reference=x"),
        ("ImageBuild", "?addcaps=%5B%22ALL%22%5D"),
        ("ImageBuild", "?devices=x"),
        ("ImageBuild", "?additionalbuildcontexts=x"),
    ],
)
def test_what_is_not_known_is_refused(name: str, query: str) -> None:
    assert len(faults(name, query)) == 1


def test_every_operation_that_is_bounded_here_has_an_archive() -> None:
    assert all(BODIES[name].content is Content.TAR for name in ARCHIVES)
    assert "ImageBuildLibpod" in SEALED


def test_what_an_image_is_called_is_among_what_is_known_of_a_load() -> None:
    assert {"manifest.json[].RepoTags[]", "repositories.*.*"} <= {field.path for field in BODIES["ImageLoad"].fields}
