"""Whose an image is, whose each of its names is, and which of them one may see."""

from dataclasses import replace

from dockerproxy.policy.image_marks import ImageOwner, key_of, list_called, read_marks, restrict, write_mark
from dockerproxy.policy.objects import ResolvedObject

APP, BASE, TOOL = "docker.io/library/app:latest", "docker.io/library/base:latest", "registry.local/tool:1"
DIGEST = f"@sha256:{'0' * 64}"


def image(*names: str, **owned: str) -> ResolvedObject:
    """Return an image with names, and marks for some by owner."""
    marks = [write_mark(key_of(name), owner) for owner, name in owned.items()]
    return ResolvedObject("sha256:1", names, marks=read_marks([*names, *marks]))


def test_a_mark_is_read_as_it_is_written() -> None:
    assert read_marks([write_mark("key", "a.b-c_d"), write_mark("key", "e"), "app:latest", None, 1]) == {
        "key": {"a.b-c_d", "e"}
    }


def test_names_that_begin_like_marks_are_none() -> None:
    assert (
        read_marks(["dockerproxy.local:80/key:a", "docker.io/dockerproxy.local/key:a", "dockerproxy.localhost/k:a"])
        == {}
    )


def test_an_image_may_have_several_owners_and_a_name_has_its_own() -> None:
    found = image(APP, BASE, mine=APP, other=BASE)
    assert ImageOwner("mine").has(found)
    assert ImageOwner("other").has(found)
    assert not ImageOwner("").has(found)
    assert ImageOwner("mine").names(found) == (APP,)
    assert not ImageOwner("mine").has(restrict(found, BASE))
    assert ImageOwner("mine").has(restrict(found, APP))


def test_a_mark_without_its_name_gives_no_name() -> None:
    assert ImageOwner("mine").names(image(BASE, mine=APP)) == ()


def test_what_grants_list_is_seen_unless_it_is_anothers() -> None:
    mine = ImageOwner("mine", ("docker.io/library/*:*",))
    assert mine.shown(image(APP, TOOL)) == {APP}
    assert mine.sees(image(APP))
    assert not mine.sees(image(APP, other=APP))
    assert not mine.sees(image(TOOL))
    assert not ImageOwner("mine", ("**",)).sees(image(other=APP))


def test_a_digest_is_seen_with_a_tag_of_its_repository() -> None:
    names = (APP, f"docker.io/library/app{DIGEST}", TOOL, f"registry.local/tool{DIGEST}")
    assert ImageOwner("mine").shown(image(*names, mine=APP)) == set(names[:2])
    assert ImageOwner("mine", ("**",)).shown(image(*names, mine=APP, other=TOOL)) == set(names[:2])


def test_a_digest_is_of_whoever_has_a_tag_of_its_repository() -> None:
    """So one of another's is asked for like one that does not exist, whatever a client may see."""
    digests = f"docker.io/library/app{DIGEST}", f"registry.local/tool{DIGEST}"
    found = image(APP, TOOL, *digests, mine=APP, other=TOOL)
    for digest, whose in zip(digests, ("mine", "other"), strict=True):
        for name in ("mine", "other"):
            owner = ImageOwner(name, ("**",))
            assert owner.has(restrict(found, digest)) is owner.sees(restrict(found, digest)) is (name == whose)
    pulled = image(BASE, f"docker.io/library/base{DIGEST}")
    assert ImageOwner("mine", ("**",)).sees(restrict(pulled, pulled.names[1]))


def test_what_was_pulled_is_seen_whoever_tags_it() -> None:
    """A digest can be of either, and is left out."""
    names = (APP, f"docker.io/library/app{DIGEST}", "docker.io/library/app:mine")
    found = image(*names, mine=names[2])
    assert ImageOwner("other", ("**",)).shown(found) == {APP}
    assert ImageOwner("other", ("**",)).sees(found)
    assert ImageOwner("mine", ("**",)).shown(found) == set(names)


def test_a_text_means_the_names_that_an_engine_completes_it_to() -> None:
    """Podman looks in any registry, and at the end of paths."""
    found = replace(image(APP, TOOL, "localhost/app:latest"), id=f"sha256:{'ab' * 32}")
    for text, called in (
        ("app", (APP, "localhost/app:latest")),
        ("docker.io/app", (APP,)),
        ("localhost/app", ("localhost/app:latest",)),
        ("tool:1", (TOOL,)),
        ("ool:1", ("docker.io/library/ool:1",)),
        ("other", ("docker.io/library/other:latest",)),
    ):
        assert list_called(text, found) == called, text
    for text in (found.id, found.id[:19], found.id[7:], "ab", "sha256:ab"):
        assert list_called(text, found) == (), text


def test_a_name_behind_a_transport_is_none() -> None:
    """Podman looks for what follows. Without a tag it looks like a name itself."""
    found = replace(image(APP, BASE, mine=APP, other=BASE), id=f"sha256:{'ab' * 32}")
    for text in ("containers-storage:base:1", f"containers-storage:{BASE}", "Base", "x y"):
        assert list_called(text, found) == ("",)
        assert not ImageOwner("mine", ("**",)).sees(replace(found, called=list_called(text, found)))


def test_docker_completes_no_name_by_another_registry() -> None:
    """It tells names without their registry, if that is its own."""
    names = (APP, "probe.local/app:latest", "probe.local/docker.io/app:latest")
    for told, called in ((["app:latest", *names[1:]], (APP,)), (list(names), names)):
        found = replace(image(*names), document={"repotags": told})
        assert list_called("app", found) == called
        assert list_called("docker.io/app", found) == (APP,)


def test_a_name_of_anothers_shows_no_image_that_one_owns() -> None:
    found = image(APP, BASE, mine=APP, other=BASE)
    mine = ImageOwner("mine", ("**",))
    assert mine.sees(found)
    assert mine.sees(replace(found, called=(APP,)))
    assert not mine.sees(replace(found, called=(BASE,)))
