"""Answers about images have the names that a client may see, and no others."""

import json
from typing import Any

import pytest
from policy.policies import request_of

from dockerproxy.policy.image_marks import ImageOwner, fresh_key, key_of, write_mark
from dockerproxy.policy.image_views import show_names

OWNER = ImageOwner("mine", ("docker.io/library/base:*",))
MARKS = [write_mark(key_of(f"docker.io/library/{name}:latest"), owner) for name, owner in (("app", "mine"), ("x", "b"))]
TAGS = ["app:latest", "x:latest", "base:1", "secret:1", *MARKS]
DIGESTS = [f"{name}@sha256:{'0' * 64}" for name in ("app", "x", "secret", MARKS[0].rpartition(":")[0])]
IMAGE = {"Id": f"sha256:{'1' * 64}", "RepoTags": TAGS, "RepoDigests": DIGESTS, "Size": 9007199254740993}
SHOWN = {**IMAGE, "RepoTags": ["app:latest", "base:1"], "RepoDigests": DIGESTS[:1]}


def shown(target: str, document: object) -> object:
    left = show_names(request_of("GET", target), OWNER, None, json.dumps(document).encode())
    return None if left is None else json.loads(left)


@pytest.mark.parametrize("prefix", ["/v1.41", "/v5.0.0/libpod"])
def test_names_of_others_are_not_shown(prefix: str) -> None:
    assert shown(f"{prefix}/images/app/json", IMAGE) == SHOWN
    other = {**IMAGE, "RepoTags": None, "RepoDigests": []}
    second = {**other, "RepoTags": ["base:2", "secret:2"]}
    listed = [SHOWN, other, {**second, "RepoTags": ["base:2"]}]
    assert shown(f"{prefix}/images/json", [IMAGE, other, second]) == listed
    podman = {**IMAGE, "Names": TAGS, "History": TAGS}
    assert shown(f"{prefix}/images/json", [podman]) == [
        {**SHOWN, "Names": SHOWN["RepoTags"], "History": SHOWN["RepoTags"]}
    ]


@pytest.mark.parametrize("prefix", ["/v1.51", "/v5.0.0/libpod"])
def test_who_else_uses_an_image_is_not_shown(prefix: str) -> None:
    data = {"Platform": {"os": "linux"}, "Containers": ["f" * 64], "Size": {"Unpacked": 9007199254740993}}
    whence = {"Identity": {"Pull": [{"Repository": "ghcr.io/theirs/secret"}]}}
    data |= whence
    manifests: list[dict[str, Any]] = [
        {"ID": "1", "Kind": "image", "ImageData": data},
        {"ID": "2", "Kind": "attestation"},
    ]
    left = [{**manifests[0], "ImageData": {**data, "Containers": [], "Identity": None}}, manifests[1]]
    listed = {**IMAGE, "Containers": 3, "SharedSize": 7, "Manifests": manifests}
    unused = {**SHOWN, "Containers": -1, "SharedSize": -1}
    assert shown(f"{prefix}/images/json", [listed, {**listed, "Manifests": None}]) == [
        {**unused, "Manifests": left},
        {**unused, "Manifests": None},
    ]
    named = {"Metadata": {"LastTagTime": "2026-11-27T07:28:26Z"}, "Descriptor": {"size": 3, "annotations": {"a": "b"}}}
    unnamed = {"Metadata": {"LastTagTime": "0001-01-01T00:00:00Z"}, "Descriptor": {"size": 3, "annotations": None}}
    inspected = {**SHOWN, **unnamed, "Identity": None, "Manifests": left}
    assert shown(f"{prefix}/images/app/json", {**IMAGE, **whence, **named, "Manifests": manifests}) == inspected


def test_the_steps_of_a_history_stay_and_names_of_unknown_images_go() -> None:
    steps = [{"Id": "1", "Tags": TAGS}, {"Id": "2", "Tags": None}]
    assert shown("/images/app/history", steps) == [{"Id": "1", "Tags": []}, {"Id": "2", "Tags": None}]
    assert shown("/images/app/json", {**IMAGE, "History": steps}) == {**SHOWN, "History": steps}


def test_what_cannot_be_read_is_not_shown() -> None:
    for target, document in (
        ("/images/json", {}),
        ("/images/json", [1]),
        ("/images/app/json", []),
        ("/images/app/json", {}),
    ):
        assert shown(target, document) is None


@pytest.mark.parametrize("others", [(), ("app:2",)])
def test_a_filter_of_names_fits_no_hidden_one(others: tuple[str, ...]) -> None:
    """Docker fits it to whole names, and the own `a.io/app:2` was shown for `app:2` if that was hidden."""
    tags = ["a.io/app:2", "base:1", *others, write_mark(key_of("a.io/app:2"), "mine")]
    listed = {"Id": f"sha256:{'1' * 64}", "RepoTags": tags}
    for text, names in (("app:2", tags[:1]), ("base", ["base:1"]), ("*:?", tags[:2]), ("1111", tags[:2])):
        left = [{**listed, "RepoTags": names}]
        assert shown(f'/images/json?filters={{"reference":["{text}"]}}', [listed]) == left
    assert shown('/images/json?filters={"reference":["app:3"]}', [listed]) == []


def test_an_own_image_without_a_name_dangles() -> None:
    """Whatever others call it, and whatever its mark is for an engine."""
    fresh = write_mark(fresh_key("1"), "mine")
    named, unnamed = ({"Id": f"sha256:{'1' * 64}", "RepoTags": [*tags, fresh]} for tags in (["base:1"], ["app:2"]))
    for value, left in (
        ("true", [{**unnamed, "RepoTags": []}]),
        ("0", [{**named, "RepoTags": ["base:1"]}]),
    ):
        assert shown(f'/images/json?filters={{"dangling":["{value}"]}}', [named, unnamed]) == left
    theirs = {**named, "RepoTags": ["app:2", write_mark(key_of("docker.io/library/app:2"), "other")]}
    assert shown('/images/json?filters={"dangling":["1"]}', [theirs]) == []
