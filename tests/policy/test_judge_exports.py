"""Images are saved and sent by the names that a policy admits, and `covers` agrees with what it admits."""

import itertools
import json
from collections.abc import Iterable

import pytest
from rows import for_each
from wire.heads import head_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.differences import covers
from dockerproxy.policy.judge import judge, judge_object
from dockerproxy.policy.objects import SAVING, SENDING, ResolvedObject
from dockerproxy.policy.phases import NeedsLookup, Verdict

NAMES = "abcd"
"""Names of the engine's images; `e` is none."""

IDENTITY = f"sha256:{'1' * 64}"

TARGETS = {
    "ImageGet": "GET /v1.41/images/{}/get",
    "ImageGetAll": "GET /v1.41/images/get?names={}",
    "ImageGetLibpod": "GET /v5.0.0/libpod/images/docker.io/library/{}:latest/get",
    "ImageExportLibpod": "GET /v5.0.0/libpod/images/export?references={}",
    "ImagePush": "POST /v1.41/images/{}/push?tag=latest",
}
GRANTS = ("", "{images: [a]}", "{images: [c]}", '{images: ["**"]}', "{images: [a, c]}")


def full(name: str) -> str:
    return (
        name
        if name.startswith(("docker.io/", "sha256:"))
        else f"docker.io/library/{name.removesuffix(':latest')}:latest"
    )


def policy_of(grant: str) -> CompiledPolicy:
    allow = f"[{{ContainerInspect: {{own: true}}}}, {grant}]"
    return read_policy(f"sockets: {{a: {{path: /a.sock, own_as: mine, allow: {allow}}}}}", "p").sockets[0].policy


def find(lookup: object) -> ResolvedObject | None:
    """Answer as an engine, all images of which are one."""
    assert isinstance(lookup, NeedsLookup)
    if full(lookup.lookup.name) not in {*map(full, NAMES), IDENTITY}:
        return None
    said = {"Id": IDENTITY, "RepoTags": [*map(full, NAMES)], "RepoDigests": [], "Config": {"Labels": None}}
    found = read_object(lookup.lookup, json.dumps(said).encode(), "")
    assert isinstance(found, ResolvedObject)
    return found


def decided(policy: CompiledPolicy, line: str) -> Verdict:
    judged = judge(policy, head_of(line=f"{line} HTTP/1.1"))
    while isinstance(judged, NeedsLookup):
        judged = judge_object(judged, find(judged))
    assert isinstance(judged, Verdict)
    return judged


def admitted(name: str, grant: str) -> set[str]:
    """Return the names of images that a grant lets be saved or sent."""
    policy = policy_of(name + (f": {grant}" if grant else ""))
    return {image for image in [*NAMES, "e"] if decided(policy, TARGETS[name].format(image)).passes}


def test_each_of_these_operations_is_tried() -> None:
    assert TARGETS.keys() == SAVING | SENDING


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_listed_is_exported(name: str) -> None:
    assert admitted(name, "{images: [a]}") == {"a"}
    assert admitted(name, "") == (set() if "Push" in name else {*NAMES, "e"})


@pytest.mark.parametrize("name", TARGETS)
def test_a_grant_covers_no_other_that_exports_more(name: str) -> None:
    of_grants = {
        grant: [case.conditions for case in policy_of(name + (f": {grant}" if grant else "")).cases[name]]
        for grant in GRANTS
    }
    for (wide, theirs), (narrow, mine) in itertools.product(of_grants.items(), repeat=2):
        if all(any(covers(name, each, one) for each in theirs) for one in mine):
            assert admitted(name, wide) >= admitted(name, narrow), (wide, narrow)
        assert wide != narrow or not mine or covers(name, theirs[0], mine[0])


def line_of(verdict: Verdict) -> str:
    return verdict.to_engine.partition(b"\r\n")[0].decode()


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("names=a&names=b:latest", "names=docker.io%2Flibrary%2Fa:latest&names=docker.io%2Flibrary%2Fb:latest"),
        ("platform=x&names=a", "platform=x&names=docker.io%2Flibrary%2Fa:latest"),
        (f"names={IDENTITY}", f"names={IDENTITY}"),
    ],
)
def test_images_go_on_by_the_names_that_were_judged(asked: str, written: str) -> None:
    verdict = decided(policy_of("ImageGetAll: {images: [a, b]}"), f"GET /v1.41/images/get?{asked}")
    assert line_of(verdict) == f"GET /v1.41/images/get?{written} HTTP/1.1"


def many(names: Iterable[str]) -> str:
    return "&".join(f"names={name}" for name in names)


@for_each(
    "asked",
    [
        "",
        "names=a&Names=a",
        "NAMES=a",
        many(["a"] * 33),
        many(["a", "c"]),
        many(["a", "e"]),
        many(["a", ""]),
        "names=",
        "names=..",
        "names=a/../b",
    ],
)
@for_each("grant", ["{images: [a]}", "{images: [a, x]}"])
def test_what_is_unclear_or_not_all_admitted_is_not_saved(grant: str, asked: str) -> None:
    assert not decided(policy_of(f"ImageGetAll: {grant}"), f"GET /v1.41/images/get?{asked}").passes
    assert decided(policy_of(f"ImageGetAll: {grant}"), f"GET /v1.41/images/get?{many(['a'] * 32)}").passes
