"""A name by which an image is believed is given only as a grant says, however it is spelled."""

import pytest
from policy.inspecting import faults_of
from policy.policies import ID, request_of
from policy.words.looking import faults, look
from rows import for_each

from dockerproxy.policy.claim import Reading
from dockerproxy.policy.references import parse_reference
from dockerproxy.policy.values import Value
from dockerproxy.policy.words.images import claim_name
from dockerproxy.wire.document import show

DIGEST = f"sha256:{ID}"
SHOWN = show(f"docker.io/ci/app@{DIGEST}")
OF_DIGEST = f"?repo is {SHOWN}, not allowed: a digest comes from the contents"


def gives(name: str, **bounds: Value) -> bool:
    """Whether an image may be given a name."""
    reading = Reading(request=request_of("POST", "/build"), answers={})
    claim_name(reading, parse_reference(name), name, "a name")
    return not faults_of(reading, **bounds)


@for_each(
    ("tags", "reference", "may"),
    [
        (("ci/*:*",), "ci/app:1", True),
        (("ci/*:*",), "docker.io/ci/app:1", True),
        (("ci/*:*",), "ci/app", True),
        (("ci/*",), "ci/app", True),
        (("ci/app",), "ci/app", True),
        (("ci/app",), "ci/app:latest", True),
        (("ci/app",), "ci/app:1", False),
        (("ci/*:*",), "ci/deep/app:1", False),
        (("ci/*:*",), "registry.example/ci/app:1", False),
        (("registry.example/**",), "registry.example/ci/app:1", True),
        (("**",), "ci/app:1", True),
        # What no grant gives: a digest, what could be an id, what is no reference.
        (("**",), f"ci/app@{DIGEST}", False),
        (("**",), f"ci/app:1@{DIGEST}", False),
        (("**", "deadbeefcafe"), "deadbeefcafe", False),
        (("**",), "docker.io/library/deadbeefcafe:1", False),
        (("**",), "sha256:1", False),
        # Podman has those of these registries before it looks for an id.
        (("localhost/**",), "localhost/deadbeefcafe", False),
        (("**",), "localhost/sha256:1", False),
        (("**",), "quay.io/deadbeefcafe:1", False),
        (("**",), "registry.example:5000/deadbeefcafe", False),
        (("**",), "localhost/deadbeef", True),
        (("**",), "localhost/ci/deadbeefcafe", True),
        (("**",), "deadbeef", True),
        (("**",), "ci/deadbeefcafe", True),
        (("**", ID), ID, False),
        (("**",), DIGEST, False),
        (("**",), "ci/App", False),
        (("**",), "", False),
        # A whole id in a grant is no name.
        ((ID, DIGEST), "sha256", False),
        ((), "ci/app", False),
    ],
)
def test_a_name_is_given_only_if_its_normalised_form_is_granted(
    tags: tuple[str, ...], reference: str, *, may: bool
) -> None:
    assert gives(reference, tags=tags) is may


def test_without_tags_no_name_is_given() -> None:
    assert not gives("ci/app", images=("**",), names=("**",))


@pytest.mark.parametrize("query", ["&repo=ci/app", "&repo=ci/app&tag=", "&repo=ci/app&tag=latest"])
def test_an_image_gets_a_granted_name(query: str) -> None:
    assert faults("ImageCreate", f"?fromSrc=-{query}", tags=("ci/app",)) == []


@for_each(
    ("query", "fault"),
    [
        ("repo=nginx", '?repo is "docker.io/library/nginx:latest", an image name that no rule allows'),
        ("repo=ci/app&tag=1", '?repo is "docker.io/ci/app:1", an image name that no rule allows'),
        # Docker lets the parameter win over the tag in the name.
        ("repo=ci/app:latest&tag=1", '?repo is "ci/app:latest", not a valid image name'),
        ("repo=ci/App", '?repo is "ci/App", not a valid image name'),
        (f"repo=ci/app@{DIGEST}", OF_DIGEST),
        (f"repo=ci/app&tag={DIGEST}", OF_DIGEST),
        (
            "repo=deadbeefcafe",
            '?repo is "docker.io/library/deadbeefcafe:latest", ambiguous: it looks like an object ID',
        ),
        # Two values, and names in other capitals, which Podman reads as the same.
        (
            "repo=ci/app&repo=nginx",
            '?repo is "ci/app nginx", a repeated parameter',
        ),
        (
            "repo=ci/app&tag=latest&tag=1",
            '?tag is "latest 1", a repeated parameter',
        ),
        ("repo=ci/app&Repo=nginx", '?Repo is "nginx", not a known parameter'),
        ("repo=ci/app&TAG=1", '?TAG is "1", not a known parameter'),
    ],
)
@for_each(("operation", "more"), [("ImageCreate", "fromSrc=-&"), ("ImageTag", "")])
def test_no_image_is_laundered_under_a_trusted_name(operation: str, more: str, query: str, fault: str) -> None:
    assert fault in faults(operation, f"?{more}{query}", tags=("ci/app",))


def test_images_say_nothing_of_names_that_are_given() -> None:
    query = "?repo=nginx"
    assert faults("ImageTag", query, images=("nginx",)) != []
    assert faults("ImageCreate", f"{query}&fromSrc=-", images=("nginx",)) != []


@pytest.mark.parametrize("name", ["deadbeefcafe", "docker.io/library/deadbeefcafe", "localhost/deadbeefcafe", "sha256"])
@pytest.mark.parametrize("operation", ["ImageTag"])
def test_what_could_be_an_id_is_no_name_that_tags_cover(operation: str, name: str) -> None:
    (fault,) = faults(operation, f"?repo={name}&tag=1", tags=("**",))
    assert fault.endswith("ambiguous: it looks like an object ID")


@for_each(
    ("query", "goes_on"),
    [
        ("repo=ci/app&tag=1", {"repo": ("docker.io/ci/app",)}),
        ("repo=ci/app:1", {"repo": ("docker.io/ci/app:1",)}),
        # Podman adds `latest` itself, and takes no tag in the name.
        ("repo=ci/app", {"repo": ("docker.io/ci/app",)}),
        ("repo=ci/app&tag=", {"repo": ("docker.io/ci/app",)}),
        ("repo=docker.io/ci/app&tag=1", {}),
        ("repo=ghcr.io/ci/app&tag=1", {}),
        ("repo=localhost/ci/app", {}),
    ],
)
@for_each(("operation", "more"), [("ImageTag", ""), ("ImageCreate", "fromSrc=-&")])
def test_the_name_that_was_judged_is_the_one_that_is_given(
    operation: str, more: str, query: str, goes_on: dict[str, tuple[str, ...]]
) -> None:
    seen = look(operation, f"?{more}{query}", bounds={"tags": ("docker.io/ci/*", "ghcr.io/ci/*", "localhost/ci/*")})
    assert (seen.faults, seen.query) == ((), goes_on)


def test_the_name_that_images_let_through_is_the_one_that_is_given() -> None:
    images = {"images": ("docker.io/ci/*",)}
    assert look("ImageTag", "?repo=ci/app&tag=1", bounds=images).query == {"repo": ("docker.io/ci/app",)}
    assert look("ImageTag", "?repo=docker.io/ci/app&tag=1", bounds=images).query == {}
    assert look("ImageTag", "?repo=CI", bounds=images).query == {}
    assert look("ImageTag", "", bounds=images).query == {}


def test_the_refusal_says_which_name_would_have_to_be_granted() -> None:
    (fault,) = look("ImageTag", "?repo=ci/app&tag=2").faults
    assert (fault.word, fault.value) == ("tags", ("docker.io/ci/app:2",))
