"""A name is judged as what the engine takes it for."""

import pytest
from policy.inspecting import conditions_of, faults_of
from policy.policies import ID, request_for
from policy.words.transcripts import look_at
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import Answers, Reading
from dockerproxy.policy.decide import judge_claims
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.references import parse_reference
from dockerproxy.policy.words.images import check_images, complete
from dockerproxy.wire.document import Json

IMAGE = f"sha256:{ID}"


def begin(*, answers: Answers | None = None, operation: str = "ContainerCreate") -> Reading:
    return Reading(request=request_for(OPERATIONS[operation]), answers=answers or {})


def sent(name: str | None, *granted: str, answers: Answers | None = None) -> Json:
    """Return what goes on in place of an image that passes."""
    reading = begin(answers=answers)
    goes_on = check_images(reading, name, "Image", {})
    judgement = judge_claims(conditions_of({"images": granted} if granted else {}), reading.claims)
    assert [*reading.violations, *judgement.faults, *judgement.lookups] == []
    return judgement.substitutes.get("Image", name if goes_on is None else goes_on)


def test_any_image_is_one_where_the_grant_says_nothing() -> None:
    assert [sent(value) for value in (None, "", ID, f"sha256:{ID}")] == [None, "", ID, f"sha256:{ID}"]


@pytest.mark.parametrize("operation", ["ContainerCreate", "ServiceCreate"])
def test_a_short_name_always_goes_on_with_its_registry(operation: str) -> None:
    """Whatever is granted, but for services, which Podman has none of."""
    for granted in ({}, {"images": ("**",)}):
        reading = begin(operation=operation)
        goes_on = check_images(reading, "nginx:1", "Image", {})
        assert judge_claims(conditions_of(granted), reading.claims).faults == ()
        assert goes_on == ("nginx:1" if operation == "ServiceCreate" else "docker.io/library/nginx:1")


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


@for_each(
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


@pytest.mark.parametrize("granted", [(), ("**",)])
@pytest.mark.parametrize(
    ("identity", "goes_on"),
    [(IMAGE, "docker.io/library/cafe"), (f"sha256:{'cafe'.ljust(64, '0')}", f"sha256:{'cafe'.ljust(64, '0')}")],
)
def test_no_name_like_an_id_is_of_localhost(granted: tuple[str, ...], identity: str, goes_on: str) -> None:
    """In Docker's API, too, Podman looks there first: only an ID that begins so counts."""
    found = ResolvedObject(identity, ("localhost/cafe:latest",), document={"Id": identity})
    assert sent("cafe", *granted, answers={(Kind.IMAGE, "cafe"): found}) == goes_on


def test_the_engine_is_asked_what_is_called_like_an_id_whatever_is_granted() -> None:
    reading = begin()
    check_images(reading, "cafe", "Image", {})
    assert [lookup.name for lookup in judge_claims({}, reading.claims).lookups] == ["cafe"]
