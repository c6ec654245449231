"""An image is known by its normalised reference, a glob over that, or its full id."""

import pytest
from policy.inspecting import admits
from policy.policies import ID

from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.images import CONSTRAINT
from dockerproxy.policy.objects import ResolvedObject

NGINX = "docker.io/library/nginx"


@pytest.mark.parametrize(
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
    assert CONSTRAINT.within(("nginx", "nginx:1"), ("docker.io/library/*",))
    assert CONSTRAINT.within((ID,), (f"sha256:{ID}",))
    assert not CONSTRAINT.within(("nginx:1",), ("nginx",))
    assert not CONSTRAINT.within((ID,), ("**",))


@pytest.mark.parametrize("item", ["nginx", "registry.example/team/**", "**", "sha256:" + "a" * 64, "nginx:1.*"])
def test_a_pattern_that_can_match_has_no_fault(item: str) -> None:
    assert CONSTRAINT.fault(item) == ""


@pytest.mark.parametrize("item", ["", "Nginx", "nginx:", "nginx@sha256:a", "*/nginx"])
def test_a_pattern_that_never_matches_is_told(item: str) -> None:
    assert CONSTRAINT.fault(item)


def test_images_are_named() -> None:
    assert str(Condition(CONSTRAINT, ("a", "b", "c"))) == "the image is a, b or c"
