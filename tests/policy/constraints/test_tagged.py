"""Each image that is loaded has a name, where that is demanded."""

import json

import pytest
from policy.claims.sending import passed_on, refusal_of
from wire.tars import archive_of, item

LOADS = [("POST", "/images/load")]
NAMED = [{"RepoTags": ["app:1"]}]
BY_INDEX = {"manifests": [{"annotations": {"org.opencontainers.image.ref.name": "docker.io/library/app:1"}}]}


def archive(**files: object) -> bytes:
    return archive_of(*(item(f"{name}.json", json.dumps(content).encode()) for name, content in files.items()))


@pytest.mark.parametrize("load", LOADS)
def test_each_image_of_each_list_has_a_name(load: tuple[str, str]) -> None:
    named: list[dict[str, object]] = [
        {"manifest": NAMED},
        {"index": BY_INDEX},
        {"manifest": NAMED, "index": BY_INDEX},
        {"manifest": []},
    ]
    for files in named:
        assert passed_on(load, archive(**files), tagged="required", tags=("app:*",)).entries
    unnamed: list[dict[str, object]] = [
        {"manifest": [{"RepoTags": None}]},
        {"manifest": [*NAMED, {}]},
        {"manifest": [{"RepoTags": []}]},
        {"manifest": NAMED, "index": {"manifests": [{}]}},
        {"index": {"manifests": [{"annotations": {"org.opencontainers.image.ref.name": ""}}]}},
    ]
    for files in unnamed:
        assert "has an image without a name" in refusal_of(load, archive(**files), tagged="required", tags=("app:*",))
        assert passed_on(load, archive(**files), tags=("app:*",)).entries


@pytest.mark.parametrize("load", LOADS)
def test_an_archive_lists_its_images(load: tuple[str, str]) -> None:
    old = archive_of(item("repositories", json.dumps({"app": {"1": "x"}}).encode()))
    for content in (old, archive_of(item("x", b""))):
        assert "has an image without a name" in refusal_of(load, content, tagged="required", tags=("app:*",))
        assert passed_on(load, content, tags=("app:*",)).entries
