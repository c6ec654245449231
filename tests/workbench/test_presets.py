"""What a policy says beyond its presets is all that they do not say."""

from hypothesis import given
from policy.policies import allowing, policies
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.presets import PRESETS
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.model import Policy
from dockerproxy.workbench.presets import (
    LIBPOD,
    find_base,
    leave_out,
    list_bases,
    list_denied,
    needs_podman,
    without_libpod,
)


def list_beyond(*allow: str) -> list[str]:
    policy = allowing(*allow)
    beyond = leave_out(policy, find_base(policy))
    return [name for name in OPERATIONS if beyond.allows(name)]


@for_each("name", PRESETS)
def test_beyond_a_preset_alone_is_nothing(name: str) -> None:
    policy = allowing(f"preset:{name}")
    assert list_beyond(f"preset:{name}") == []
    assert list_denied(policy, find_base(policy)) == []


@for_each(
    ("allow", "beyond"),
    [
        (["own"], []),
        (["preset:ci", "preset:ping"], []),
        (["preset:ci", "preset:testcontainers"], []),
        (["own", "VolumeCreate"], ["VolumeCreate"]),
        (["preset:ci", "ContainerCreate: {memory: 1GiB}"], ["ContainerCreate", "ContainerUpdate"]),
        (["preset:traefik", "ContainerInspect"], []),
        (["ContainerList", "ContainerInspect"], ["ContainerList", "ContainerInspect"]),
    ],
)
def test_what_lines_add_is_beyond(allow: list[str], beyond: list[str]) -> None:
    assert list_beyond(*allow) == beyond


def test_presets_and_own_are_said_with_what_they_are_for() -> None:
    bases = list_bases(allowing("preset:ping", "own", "ContainerList"))
    assert list(bases) == ["preset:ping", "own"]
    assert all(bases.values())


@given(policies())
def test_a_policy_without_presets_is_all_beyond(said: Policy) -> None:
    policy = compile_policy(said)
    beyond = leave_out(policy, find_base(policy))
    assert [beyond.cases[name] for name in OPERATIONS] == [policy.cases[name] for name in OPERATIONS]


def test_podmans_own_api_is_left_out_and_nothing_else() -> None:
    policy = allowing("own", "libpod/containers:read")
    shown = without_libpod(policy)
    assert {name for name in OPERATIONS if policy.allows(name) and not shown.allows(name)} == {
        name for name in LIBPOD if policy.allows(name)
    }


@for_each(
    ("allow", "is_podman"),
    [
        ("own", False),
        ("preset:testcontainers", False),
        ("preset:podman-exporter", True),
        ("ContainerListLibpod", True),
        ("libpod/containers:read", True),
        ("libpod/ping:read", False),
    ],
)
def test_a_line_that_only_podman_can_serve_tells_which_engine_it_is(allow: str, is_podman: bool) -> None:  # noqa: FBT001
    assert needs_podman(allowing("preset:ping", allow)) is is_podman
