"""Images and credentials are sent only where a grant says."""

import pytest
from policy.policies import condition, policy_with, request_of
from policy.words.looking import faults, look
from rows import for_each

from dockerproxy.policy.claim import Reading
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Decision, Grant, Source
from dockerproxy.policy.values import Value
from dockerproxy.policy.words.images import check_pulled


def test_no_image_is_sent_that_is_not_granted() -> None:
    (fault,) = look("ImagePush", "?tag=1", target="/v1.45/images/evil.example/loot/push").faults
    assert str(fault) == 'the image is "evil.example/loot:1", an image that no rule allows to push'
    assert (fault.word, fault.value) == ("images", ("evil.example/loot:1",))
    assert look("ImagePush", target="/images/ci/app:1/push", bounds={"images": ("ci/app:1",)}).faults == ()


def test_all_images_of_a_name_are_sent_by_no_grant_but_an_unrestricted_one() -> None:
    (fault,) = look("ImagePush", target="/v1.45/images/evil.example/loot/push").faults
    assert (
        str(fault)
        == 'the image is "evil.example/loot", not allowed: without a tag, every image of that name would be pushed'
    )
    assert (fault.word, fault.value) == ("images", "")
    assert look("ImagePush", target="/v1.45/images/evil.example/loot/push", bounds={"images": ("**",)}).faults


def test_what_a_grant_lists_is_sent() -> None:
    images = condition("images", ("ci/*:*",))
    policy = policy_with(Grant(frozenset({"ImagePush"}), Source("ImagePush", "policy.yaml", 1), (images,)))

    def allows(target: str) -> bool:
        answer = decide(policy, request_of("POST", target))
        assert isinstance(answer, Decision)
        return answer.allowed

    assert allows("/images/ci/app/push?tag=1")
    assert allows("/images/ci/app:1/push?platform=")
    assert not allows("/images/evil.example/ci/app/push?tag=1")
    assert not allows("/images/ci/app/push")
    assert not allows("/images/ci/app/push?tag=1&destination=evil.example/loot")
    assert not allows("/images/ci/app/push?tag=1&tlsVerify=false")


@for_each(
    ("name", "goes_on"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("nginx:1", "docker.io/library/nginx:1"),
        ("ci/app", "docker.io/ci/app"),
        ("index.docker.io/nginx", "docker.io/library/nginx"),
        ("docker.io/library/nginx", "docker.io/library/nginx"),
        ("ghcr.io/ci/app", "ghcr.io/ci/app"),
        ("", ""),
        (None, None),
    ],
)
def test_what_is_pulled_is_named_with_its_registry_where_a_grant_lists_images(
    name: str | None, goes_on: str | None
) -> None:
    query = "" if name is None else f"?fromImage={name}" + ("" if ":" in name else "&tag=1")
    granted = look("ImageCreate", query, bounds={"images": ("docker.io/**", "ghcr.io/**")})
    if goes_on != name:
        assert (granted.faults, granted.query) == ((), {"fromImage": (goes_on,)})
    assert look("ImageCreate", query).query == {}


HUB = ["", "docker.io", "index.docker.io", "https://index.docker.io/v1/", "https://registry-1.docker.io/v2/"]


@pytest.mark.parametrize("address", [None, *HUB])
def test_credentials_go_to_docker_hub(address: str | None) -> None:
    assert faults("SystemAuth", "", {"username": "a", "password": "b", "serveraddress": address}) == []


@pytest.mark.parametrize("address", ["registry.example:5000", "https://docker.io.evil.example/", "http://DOCKER.IO.x"])
def test_credentials_go_to_no_other_server(address: str) -> None:
    (fault,) = look("SystemAuth", content={"username": "a", "serveraddress": address}).faults
    assert "credentials are only sent to Docker Hub" in str(fault)
    assert fault.word == ""


@for_each(
    "address",
    [
        "127.0.0.1:2375",
        "http://169.254.169.254",
        "https://index.docker.io@evil.example/v1/",
        "index.docker.io@evil.example",
        "https://index.docker.io.evil.example/v1/",
        "https://evil.example/index.docker.io",
        "https://evil.example?index.docker.io",
        "unix:///run/other.sock",
        "ftp://docker.io",
        "docker.io evil.example",
    ],
)
def test_the_engine_is_sent_to_no_server_of_the_client_s_choice(address: str) -> None:
    assert len(faults("SystemAuth", "", {"serveraddress": address})) == 1


@pytest.mark.parametrize("bounds", [{}, {"images": ("**",)}])
def test_no_image_is_pulled_from_a_file(bounds: dict[str, Value]) -> None:
    """Podman up to 3.2, or with `compat_api_enforce_docker_hub = false`, takes what stands before the colon."""
    for name in ("docker-archive:/srv/app.tar", "dir:/srv/app", "oci:5000/app", "docker://nginx", "NGINX"):
        for query in (f"?fromImage={name}", f"?fromImage={name}&tag=1"):
            assert "not a valid image reference" in str(look("ImageCreate", query, bounds=bounds).faults)
    for query in ("dir:srv", "dir&tag=srv", "dir&tag=/srv", "dir:1&tag=/srv"):
        [name] = look("ImageCreate", f"?fromImage={query}", bounds=bounds).query["fromImage"]
        assert name.startswith("docker.io/library/dir")


def test_what_is_not_named_is_not_pulled() -> None:
    reading = Reading(request=request_of("POST", "/images/create"), answers={})
    check_pulled(reading, None, "?fromImage", {})
    assert reading.claims == []
