"""Which images of nobody's a socket with `own` sees: those that its grants list."""

import pytest
import yaml

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.naming import REMOVAL


def policy_of(*allow: str) -> CompiledPolicy:
    text = yaml.safe_dump({"sockets": {"ci": {"path": "/ci.sock", "allow": [yaml.safe_load(each) for each in allow]}}})
    return read_policy(text, "policy.yaml").sockets[0].policy


@pytest.mark.parametrize(
    ("grant", "patterns"),
    [
        ("ContainerCreate: {images: [busybox]}", ("docker.io/library/busybox:latest",)),
        ("ContainerCreate", ("**",)),
        ('ImageCreate: {images: ["docker.io/library/*"]}', ("docker.io/library/*",)),
        ("ImageInspect: {images: [busybox]}", ("docker.io/library/busybox:latest",)),
        ("ImageInspect: {labelled: {a: b}}", ()),
        ("ImageBuild: {tags: [app]}", ()),
        ("ImageTag: {tags: [app]}", ()),
        ("ImageTag", ()),
        ("ImageTag: {images: [busybox], tags: [app]}", ("docker.io/library/busybox:latest",)),
    ],
)
def test_it_sees_what_its_grants_list(grant: str, patterns: tuple[str, ...]) -> None:
    images = policy_of("own", grant).cases["ImageList"][0].decision.images
    assert images is not None
    assert (images.name, images.granted) == ("ci", patterns)


def test_a_grant_of_what_is_denied_shows_nothing() -> None:
    text = "sockets: {ci: {path: /ci.sock, allow: [preset:gitlab-runner], deny: [ImageCreate, ContainerCreate]}}"
    (socket,) = read_policy(text, "p").sockets
    images = socket.policy.cases["ImageList"][0].decision.images
    assert images is not None
    assert images.granted == ()


def test_without_own_nothing_changes() -> None:
    policy = policy_of("ImageList", "ImageTag: {tags: [app]}", "ImageBuild: {tags: [app]}", "ImageDelete")
    assert {case.decision.images for name in policy.cases for case in policy.cases[name]} == {None}


def test_an_unrestricted_grant_is_left_to_the_engine_and_a_removal_may_be_of_more_than_own_ones() -> None:
    policy = policy_of("own", "ImageCommit: unrestricted", "ImageDelete: {images: [app]}")
    assert policy.cases["ImageCommit"][0].decision.images is None
    found = [case.decision.images for case in policy.cases["ImageDelete"]]
    assert {each.is_bound for each in found if each is not None} == {True, False}


def test_a_removal_of_any_image_knows_the_image_whose_names_the_proxy_takes_away() -> None:
    """Without it, there was no such image for the proxy, whatever the engine had."""
    assert all(case.decision.about_object for case in policy_of("own", REMOVAL).cases[REMOVAL])
    assert not policy_of(REMOVAL).cases[REMOVAL][0].decision.about_object


def test_only_what_is_own_gets_names_by_a_grant_that_does_not_say_of_which_images() -> None:
    """Without that, each got the answer that there is no such image, though the grant had it allowed."""
    (case,) = policy_of("ContainerList: {own: true}", "ImageTag: {tags: [app]}").cases["ImageTag"]
    assert case.decision.about_object
    assert str(case.by_word["own"]) == "it was created through this socket"
    assert policy_of("ImageTag: {tags: [app]}").cases["ImageTag"][0].by_word.keys() == {"tags"}


def test_a_new_name_is_one_that_a_build_may_give() -> None:
    given = {
        str(each)
        for case in policy_of("own", "ImageBuild: {tags: [app]}").cases["ImageTag"]
        for each in case.conditions
    }
    assert any("app" in each for each in given)
    assert "tags" not in policy_of("own").cases["ImageTag"][0].by_word


def test_a_name_of_nobody_s_is_given_only_if_tags_list_it() -> None:
    def takes(*allow: str, name: str = "ImageBuild") -> set[tuple[str, ...]]:
        images = (case.decision.images for case in policy_of("own", *allow).cases[name])
        return {each.takes for each in images if each is not None}

    assert takes("ImageBuild") == takes('ImageBuild: {tags: ["**"]}') == {()}
    assert takes("ImageBuild: {tags: [app]}") == {("docker.io/library/app:latest",)}
    assert takes("ImageBuild: {tags: [app]}", name="ImageTag") == {("docker.io/library/app:latest",)}
