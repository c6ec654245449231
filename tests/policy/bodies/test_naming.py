"""A name is judged as what the engine takes it for."""

import pytest
from policy.bodies.transcripts import look_at
from policy.policies import ID, request_for

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.bodies.inspection import Inspection
from dockerproxy.policy.bodies.naming import IS_NAME, check_images, is_listed, items, matches, resolve
from dockerproxy.policy.model import Pairs, Value
from dockerproxy.policy.objects import Found, Kind

IMAGE = f"sha256:{ID}"


def begin(**bounds: Value) -> Inspection:
    return Inspection(request=request_for(OPERATIONS["ContainerCreate"]), bounds=bounds, answers={})


@pytest.mark.parametrize("length", range(1, 65))
def test_the_beginning_of_an_id_of_any_length_is_asked_about(length: int) -> None:
    seen = begin(networks=("**",))
    assert resolve(seen, Kind.NETWORK, ID[:length]) is None
    assert [question.name for question in seen.questions] == [ID[:length]]


@pytest.mark.parametrize("name", ["web", "g0", "cafe-1", "CAFE", "ci_default"])
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


@pytest.mark.parametrize("name", ["nginx", "docker.io/nginx", "index.docker.io/library/nginx:latest", "nginx:latest"])
def test_an_image_is_the_same_by_all_its_names(name: str) -> None:
    seen = begin(images=("docker.io/library/nginx",))
    assert check_images(seen, name, "Image", {}) == name
    assert seen.faults == []


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
