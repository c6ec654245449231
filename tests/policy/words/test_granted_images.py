"""An image is known by its normalised reference, a glob over that, or its full id; a tag is given only if listed."""

from typing import Final

import pytest
from policy.inspecting import admits
from policy.policies import ID
from rows import for_each

from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.constraint import Condition

IMAGES: Final = CONSTRAINTS["images"]
TAGS: Final = CONSTRAINTS["tags"]


NGINX = "docker.io/library/nginx"


@for_each(
    ("item", "name", "passes"),
    [
        ("nginx", f"{NGINX}:latest", True),
        ("docker.io/nginx", f"{NGINX}:latest", True),
        (f"index.{NGINX}:latest", f"{NGINX}:latest", True),
        ("nginx", f"{NGINX}:1", False),
        ("nginx:*", f"{NGINX}:1", True),
        ("nginx", "registry.example/library/nginx:latest", False),
        ("registry.example/team/*", "registry.example/team/app:1", True),
        ("registry.example/team/*", "registry.example/team/deep/app:1", False),
        ("registry.example/team/**", "registry.example/team/deep/app:1", True),
        (f"sha256:{ID}", f"{NGINX}:1", True),
        (ID, f"{NGINX}:1", True),
        (ID[:12], f"{NGINX}:1", False),
    ],
)
def test_an_image_is_known_however_it_is_written(item: str, name: str, *, passes: bool) -> None:
    found = ResolvedObject(f"sha256:{ID}", (name,), subject=f"sha256:{ID}")
    assert admits("images", (item,), found) is passes


def test_one_list_is_within_another_by_what_its_patterns_mean() -> None:
    assert IMAGES.within(("nginx", "nginx:1"), ("docker.io/library/*",))
    assert IMAGES.within((ID,), (f"sha256:{ID}",))
    assert not IMAGES.within(("nginx:1",), ("nginx",))
    assert not IMAGES.within((ID,), ("**",))


@pytest.mark.parametrize("item", ["nginx", "registry.example/team/**", "**", "sha256:" + "a" * 64, "nginx:1.*"])
def test_a_pattern_that_can_match_has_no_fault(item: str) -> None:
    assert IMAGES.fault(item) == ""


@pytest.mark.parametrize("item", ["", "Nginx", "nginx:", "nginx@sha256:a", "*/nginx"])
def test_a_pattern_that_never_matches_is_told(item: str) -> None:
    assert IMAGES.fault(item)


def test_images_are_named() -> None:
    assert str(Condition(IMAGES, ("a", "b", "c"))) == "the image is a, b or c"


def test_a_tag_is_a_normalised_reference() -> None:
    given = ResolvedObject("1", ("docker.io/ci/app:1",))
    assert admits("tags", ("ci/*:*",), given)
    assert not admits("tags", ("ci/app",), given)
    assert TAGS.least(given) == ("docker.io/ci/app:1",)


def test_without_it_none_is_given() -> None:
    assert not TAGS.by_default(ResolvedObject("1", ("docker.io/ci/app:1",)))
    assert str(Condition(TAGS, ("ci/*", "a"))) == "tags are ci/* or a"
