"""A name is judged as what the engine takes it for."""

from collections.abc import Mapping

import pytest
from policy.claims.transcripts import look_at
from policy.inspecting import conditions_of, faults_of
from policy.policies import ID, request_for

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import Answers, Reading
from dockerproxy.policy.claims.images import check_images, claim_mounted, complete
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.own import own_by
from dockerproxy.policy.decide import judge_claims
from dockerproxy.policy.image_marks import key_of
from dockerproxy.policy.objects import OWN, Kind, ResolvedObject
from dockerproxy.policy.references import parse_reference
from dockerproxy.policy.values import Value
from dockerproxy.wire.document import Json

IMAGE = f"sha256:{ID}"


def begin(*, answers: Answers | None = None, operation: str = "ContainerCreate") -> Reading:
    return Reading(request=request_for(OPERATIONS[operation]), answers=answers or {})


def sent(name: str | None, *granted: str, answers: Answers | None = None) -> Json:
    """Return what goes on in place of an image that passes."""
    reading = begin(answers=answers)
    check_images(reading, name, "Image", {})
    judgement = judge_claims(conditions_of({"images": granted} if granted else {}), reading.claims)
    assert [*reading.violations, *judgement.faults, *judgement.lookups] == []
    return judgement.substitutes.get("Image", name)


def test_any_image_is_one_where_the_grant_says_nothing() -> None:
    assert [sent(value) for value in ("a", "cafe", "", None)] == ["a", "cafe", "", None]


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
    assert sent(name, "docker.io/library/nginx") == goes_on


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
    assert sent(name, "**") == goes_on
    spelled, completed = parse_reference(name), parse_reference(goes_on)
    assert spelled is not None
    assert spelled == completed
    assert complete(name, spelled) == complete(goes_on, spelled) == goes_on


@pytest.mark.parametrize(
    "theirs", [ResolvedObject(IMAGE, ("ghcr.io/a/b:1",), document={"id": IMAGE}), ResolvedObject("cafe", ("cafe",))]
)
def test_a_granted_name_goes_on_as_a_name_though_another_image_has_an_id_that_begins_so(theirs: ResolvedObject) -> None:
    answers = {(Kind.IMAGE, "cafe"): theirs}
    assert sent("cafe", "docker.io/library/caf*", answers=answers) == "docker.io/library/cafe"
    seen = begin(answers=answers)
    check_images(seen, "cafe", "Image", {})
    assert len(faults_of(seen, images=("docker.io/library/nginx",))) == 1


def test_the_image_of_a_service_stays_as_it_is_spelled() -> None:
    for name, faults in (("nginx:1", 0), ("nginx:2", 1)):
        seen = begin(operation="ServiceCreate")
        check_images(seen, name, "Image", {})
        judgement = judge_claims(conditions_of({"images": ("docker.io/library/nginx:1",)}), seen.claims)
        assert len(judgement.faults) == faults
        assert {*judgement.substitutes.values()} <= {name}


@pytest.mark.parametrize(
    ("operation", "image", "may_be_own"),
    [
        *(("ServiceCreate", "app:1", False), ("ServiceUpdate", "docker.io/library/app", False)),
        *(("ServiceCreate", IMAGE, True), ("ServiceCreate", "cafe", True)),
        ("ContainerCreate", "app:1", True),
    ],
)
def test_a_service_has_no_own_image_by_its_name(
    operation: str,
    image: str,
    may_be_own: bool,  # noqa: FBT001 (pytest passes it)
) -> None:
    """A swarm looks for the name again at the start of each task."""
    reading = begin(operation=operation)
    check_images(reading, image, "Image", {})
    assert [claim.owned is not None for claim in reading.claims] == [may_be_own]


@pytest.mark.parametrize(
    ("image", "may_be_own"),
    [("mine", False), ("docker.io/library/mine:1", False), ("cafe", False), ("1" * 63, False), ("", False)]
    + [(identity, True) for identity in ("1" * 64, f"sha256:{'1' * 64}")],
)
def test_no_own_image_is_mounted_by_its_name(image: str, may_be_own: bool) -> None:  # noqa: FBT001
    """Podman looks for the name again at each start; so the container itself may have it by its name."""
    reading = begin()
    claim_mounted(reading, image, "Source", {})
    assert [claim.owned is not None for claim in reading.claims] == [may_be_own]
    check_images(reading, "mine", "Image", {})
    assert reading.claims[-1].owned is not None


@pytest.mark.parametrize("conditions", [{}, {"images": ("**",)}])
def test_no_name_like_an_id_is_another_client_s(conditions: Mapping[str, Value]) -> None:
    """In Docker's API, too, where Podman looks for it as for any other."""
    own = {OWN: Condition(own_by("mine"), value=True), **conditions_of(conditions)}
    for owner, goes_on in (("mine", IMAGE), ("other", "docker.io/library/cafe")):
        names = ("evil.example/cafe:latest",)
        marks = {key_of(names[0]): frozenset({owner})}
        found = ResolvedObject(IMAGE, names, called=names, marks=marks, document={"Id": IMAGE})
        reading = begin(answers={(Kind.IMAGE, "cafe"): found})
        check_images(reading, "cafe", "Image", {})
        assert judge_claims(own, reading.claims).substitutes == {"Image": goes_on}


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
    assert [fault.says for fault in seen.violations] == ["not a valid image reference"]


@pytest.mark.parametrize(
    "image", [None, "", "a", "a:1", "quay.io/a/b:1", ID, ID[:3], f"sha256:{ID}", f"a:1@sha256:{ID}"]
)
def test_any_image_may_be_named_where_none_is_granted(image: str | None) -> None:
    assert sent(image) == image
