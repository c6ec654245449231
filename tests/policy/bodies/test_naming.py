"""A name is judged as what the engine takes it for."""

from dataclasses import replace

import pytest
from policy.bodies.transcripts import look_at
from policy.policies import ID, request_for

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.bodies.inspection import Inspection
from dockerproxy.policy.bodies.naming import IS_NAME, check_images, complete, is_listed, items, matches, resolve
from dockerproxy.policy.model import Pairs, Value
from dockerproxy.policy.objects import Found, Kind
from dockerproxy.policy.references import parse_reference
from dockerproxy.wire.document import Json

IMAGE = f"sha256:{ID}"
SWARM_ID = "k3wxf0rzq1v7m2t5c8h4j6n9p"


def begin(**bounds: Value) -> Inspection:
    return Inspection(request=request_for(OPERATIONS["ContainerCreate"]), bounds=bounds, answers={})


@pytest.mark.parametrize("length", range(1, 65))
def test_the_beginning_of_an_id_of_any_length_is_asked_about(length: int) -> None:
    seen = begin(networks=("**",))
    assert resolve(seen, Kind.NETWORK, ID[:length]) is None
    assert [question.name for question in seen.questions] == [ID[:length]]


@pytest.mark.parametrize("length", range(1, 26))
def test_the_beginning_of_an_id_of_a_swarm_is_asked_about_and_goes_on_as_what_it_means(length: int) -> None:
    seen, name = begin(networks=("k*",)), SWARM_ID[:length]
    assert resolve(seen, Kind.NETWORK, name) is None
    assert [question.name for question in seen.questions] == [name]
    theirs = Found(SWARM_ID, ("theirs",), document={"scope": "swarm"})
    seen = replace(seen, answers={(Kind.NETWORK, name): theirs})
    assert resolve(seen, Kind.NETWORK, name) == theirs
    assert not is_listed(seen, "networks", theirs)


@pytest.mark.parametrize("found", [Found(ID, ("front",), document={"scope": "local"}), Found("front", ("front",))])
def test_a_network_that_is_called_like_the_beginning_of_an_id_of_a_swarm_keeps_its_name(found: Found) -> None:
    seen = replace(begin(), answers={(Kind.NETWORK, "front"): found})
    resolved = resolve(seen, Kind.NETWORK, "front")
    assert resolved == Found("front", ("front",))
    assert resolved.document == found.document


@pytest.mark.parametrize("name", ["Web", "g0-", "cafe-1", "CAFE", "ci_default", "a.b", "k" * 26])
def test_what_is_no_id_is_its_own_name(name: str) -> None:
    seen = begin()
    assert resolve(seen, Kind.NETWORK, name) == Found(name, (name,))
    assert seen.questions == []


@pytest.mark.parametrize("name", ["", "/web", "web/db", ".", "..", "-a", "_a", "a b", "a\n", "a:b", "\u00e9"])
def test_what_could_be_a_path_or_a_link_is_no_name(name: str) -> None:
    assert not IS_NAME(name)


def test_an_object_is_listed_by_name_or_whole_id() -> None:
    found = Found(ID, ("web",))
    assert is_listed(begin(joins=("w*",)), "joins", found)
    assert is_listed(begin(joins=(ID,)), "joins", found)
    assert is_listed(begin(joins=(IMAGE,)), "joins", found)
    assert not is_listed(begin(joins=(ID[:12], "x", "1" * 64)), "joins", found)
    assert not is_listed(begin(), "joins", found)


def test_only_lists_have_items() -> None:
    assert items(("a", "b")) == ("a", "b")
    assert items((("a", "b"),)) == ()
    assert items(Pairs(())) == items("a") == items(None) == ()
    assert not matches(begin(names="web"), "names", "web")


def test_any_image_is_one_where_the_grant_says_nothing() -> None:
    seen = begin()
    assert [check_images(seen, value, "Image", {}) for value in ("a", "cafe", "", None)] == ["a", "cafe", "", None]
    assert (seen.faults, seen.questions) == ([], [])


@pytest.mark.parametrize(
    ("name", "goes_on"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("nginx:latest", "docker.io/library/nginx:latest"),
        ("library/nginx", "docker.io/library/nginx"),
        ("docker.io/nginx", "docker.io/library/nginx"),
        ("index.docker.io/library/nginx:latest", "docker.io/library/nginx:latest"),
        ("docker.io/library/nginx", "docker.io/library/nginx"),
    ],
)
def test_an_image_is_the_same_by_all_its_names_and_goes_on_with_its_registry(name: str, goes_on: str) -> None:
    seen = begin(images=("docker.io/library/nginx",))
    assert check_images(seen, name, "Image", {}) == goes_on
    assert seen.faults == []


@pytest.mark.parametrize(
    ("name", "goes_on"),
    [
        ("ci/ci", "docker.io/ci/ci"),
        ("ci/ci:ci", "docker.io/ci/ci:ci"),
        (f"nginx@{IMAGE}", f"docker.io/library/nginx@{IMAGE}"),
        (f"nginx:1.27@{IMAGE}", f"docker.io/library/nginx:1.27@{IMAGE}"),
        ("cafe:1", "docker.io/library/cafe:1"),
        ("docker-archive:x", "docker.io/library/docker-archive:x"),
        # These have one, and stay: some clients compare what is there with what they asked for.
        ("localhost/ci/x", "localhost/ci/x"),
        ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
        (f"ghcr.io/a/b:1@{IMAGE}", f"ghcr.io/a/b:1@{IMAGE}"),
        ("host:5000/ci", "host:5000/ci"),
    ],
)
def test_only_the_registry_is_added_to_a_name(name: str, goes_on: str) -> None:
    assert check_images(begin(images=("**",)), name, "Image", {}) == goes_on
    spelled, completed = parse_reference(name), parse_reference(goes_on)
    assert spelled is not None
    assert spelled == completed
    assert complete(name, spelled) == complete(goes_on, spelled) == goes_on


@pytest.mark.parametrize("theirs", [Found(IMAGE, ("ghcr.io/a/b:1",), document={"id": IMAGE}), Found("cafe", ("cafe",))])
def test_a_granted_name_goes_on_as_a_name_though_another_image_has_an_id_that_begins_so(theirs: Found) -> None:
    answers = {(Kind.IMAGE, "cafe"): theirs}
    seen = replace(begin(images=("docker.io/library/caf*",)), answers=answers)
    assert check_images(seen, "cafe", "Image", {}) == "docker.io/library/cafe"
    assert seen.faults == []
    seen = replace(begin(images=("docker.io/library/nginx",)), answers=answers)
    check_images(seen, "cafe", "Image", {})
    assert len(seen.faults) == 1


def test_the_image_of_a_service_stays_as_it_is_spelled() -> None:
    seen = replace(begin(images=("docker.io/library/nginx:1",)), request=request_for(OPERATIONS["ServiceCreate"]))
    assert check_images(seen, "nginx:1", "TaskTemplate.ContainerSpec.Image", {}) == "nginx:1"
    assert check_images(seen, "nginx:2", "TaskTemplate.ContainerSpec.Image", {}) == "nginx:2"
    assert len(seen.faults) == 1


def test_an_image_that_is_mounted_goes_on_with_its_registry() -> None:
    mount: Json = {"Type": "image", "Source": "nginx:1", "Target": "/x"}
    body: Json = {"Image": "nginx:1", "HostConfig": {"Mounts": [mount]}}
    seen = look_at("ContainerCreate", body, {"images": ("docker.io/library/nginx:1",)})
    assert seen.faults == ()
    whole = "docker.io/library/nginx:1"
    assert seen.content == {
        "Image": whole,
        "HostConfig": {"Mounts": [{"Type": "image", "Source": whole, "Target": "/x"}]},
    }


def test_what_is_called_like_an_id_and_is_none_goes_on_with_its_registry() -> None:
    seen = look_at("ContainerCreate", {"Image": "cafe"}, {"images": ("docker.io/library/cafe",)})
    assert (seen.faults, seen.content) == ((), {"Image": "docker.io/library/cafe"})


def test_an_image_is_judged_by_any_of_its_names_or_its_id() -> None:
    for granted in ("docker.io/library/nginx:1*", f"sha256:{'1a6e'.ljust(64, '0')}"):
        seen = look_at("ContainerCreate", {"Image": "1a6e"}, {"images": (granted,)})
        assert seen.faults == ()
    seen = look_at("ContainerCreate", {"Image": "sha256:0dd"}, {"images": ("docker.io/library/nginx:1*",)})
    assert [fault.value for fault in seen.faults] == [("docker.io/library/odd:latest",)]


def test_an_id_that_means_nothing_stays_and_is_refused_if_it_is_no_name() -> None:
    seen = look_at("ContainerCreate", {"Image": f"sha256:{ID}"}, {"images": (f"sha256:{ID}",)})
    assert (seen.faults, seen.content) == ((), {"Image": f"sha256:{ID}"})
    assert look_at("ContainerCreate", {"Image": "cafe"}, {"images": ("docker.io/library/nginx",)}).faults


@pytest.mark.parametrize(
    "image", ["containers-storage:[vfs@/srv/a+/srv/b]c", "dir:/srv", "docker://a", "tarball:/dev/null"]
)
def test_what_podman_takes_for_a_place_is_no_image_whatever_is_granted(image: str) -> None:
    seen = begin()
    check_images(seen, image, "Image", {})
    assert [fault.says for fault in seen.faults] == ["which is no reference of an image"]


@pytest.mark.parametrize(
    "image", [None, "", "a", "a:1", "quay.io/a/b:1", ID, ID[:3], f"sha256:{ID}", f"a:1@sha256:{ID}"]
)
def test_any_image_may_be_named_where_none_is_granted(image: str | None) -> None:
    seen = begin()
    assert check_images(seen, image, "Image", {}) == image
    assert seen.faults == []
