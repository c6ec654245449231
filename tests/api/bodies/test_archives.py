"""What clients send with an archive is known, parameter by parameter, and nothing else is."""

import pytest
from api.bodies.files import tables_in
from policy.words.looking import faults
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES, SEALED, Content

ARCHIVES = tables_in("archives")

FROM_CLIENTS = {
    "docker cp": ("PutContainerArchive", "?noOverwriteDirNonDir=true&path=%2Fdata"),
    "docker-java": ("PutContainerArchive", "?copyUIDGID=false&noOverwriteDirNonDir=true&path=%2Fdata"),
    "docker-py put_archive": ("PutContainerArchive", "?path=%2Fdata"),
    "docker-py build": ("ImageBuild", "?t=ci/app&q=False&nocache=False&rm=True&forcerm=False&pull=False"),
}


@pytest.mark.parametrize(("name", "query"), FROM_CLIENTS.values(), ids=FROM_CLIENTS)
def test_what_clients_send_passes(name: str, query: str) -> None:
    assert faults(name, query, tags=("ci/*",)) == []


@for_each(
    ("name", "query"),
    [
        ("PutContainerArchive", "?path=/x&rename=%7B%7D"),
        ("PutContainerArchive", "?path=/x&copyUIDGID=1"),
        ("PutContainerArchive", "?path=/x&Path=/y"),
        ("PutContainerArchive", "?path=/x&path=/y"),
        ("ImageBuild", "?addcaps=%5B%22ALL%22%5D"),
        ("ImageBuild", "?devices=x"),
        ("ImageBuild", "?additionalbuildcontexts=x"),
        ("ImageBuild", "?nohosts=1"),
        ("ImageBuild", "?Networkmode=host"),
    ],
)
def test_what_is_not_known_is_refused(name: str, query: str) -> None:
    assert len(faults(name, query)) == 1


def test_an_archive_is_walked() -> None:
    assert all(BODIES[name].content is Content.ARCHIVE for name in ARCHIVES)


@pytest.mark.parametrize("name", ["ImageLoad", "ImageLoadLibpod", "ImageBuildLibpod", "PutContainerArchiveLibpod"])
def test_nothing_bounds_an_archive_whose_contents_would_have_to_be_read(name: str) -> None:
    assert name in SEALED
    assert name not in BODIES
