"""Images are saved and sent by the names that a policy admits, and `covers` agrees with what it admits."""

import itertools
import json
from collections.abc import Iterable

import pytest
from policy.image_store import full, identify
from wire.heads import head_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.differences import covers
from dockerproxy.policy.image_marks import key_of, write_mark
from dockerproxy.policy.judge import judge, judge_object
from dockerproxy.policy.objects import EXPORTING, ResolvedObject
from dockerproxy.policy.phases import NeedsLookup, Verdict

OWNERS = {"a": "mine", "b": "mine", "c": "other", "d": ""}
"""Whose each name of the engine's images is; `e` is none."""

TARGETS = {
    "ImageGet": "GET /v1.41/images/{}/get",
    "ImageGetAll": "GET /v1.41/images/get?names={}",
    "ImageGetLibpod": "GET /v5.0.0/libpod/images/docker.io/library/{}:latest/get",
    "ImageExportLibpod": "GET /v5.0.0/libpod/images/export?references={}",
    "ImagePush": "POST /v1.41/images/{}/push?tag=latest",
}
GRANTS = ("", "{own: true}", "{images: [a]}", "{images: [c]}", '{images: ["**"]}', "{own: true, images: [a, c]}")


def policy_of(grant: str) -> CompiledPolicy:
    allow = f"[{{ContainerInspect: {{own: true}}}}, {grant}]"
    return read_policy(f"sockets: {{a: {{path: /a.sock, own_as: mine, allow: {allow}}}}}", "p").sockets[0].policy


def find(lookup: object) -> ResolvedObject | None:
    """Answer as an engine, all images of which are one."""
    assert isinstance(lookup, NeedsLookup)
    if full(lookup.lookup.name) not in {*map(full, OWNERS), full(identify(1))}:
        return None
    marks = [write_mark(key_of(full(name)), owner) for name, owner in OWNERS.items() if owner]
    said = {"Id": identify(1), "RepoTags": [*map(full, OWNERS), *marks], "RepoDigests": [], "Config": {"Labels": None}}
    found = read_object(lookup.lookup, json.dumps(said).encode(), "")
    assert isinstance(found, ResolvedObject)
    return found


def decided(policy: CompiledPolicy, line: str) -> Verdict:
    judged = judge(policy, head_of(line=f"{line} HTTP/1.1"))
    while isinstance(judged, NeedsLookup):
        judged = judge_object(policy, judged, find(judged))
    assert isinstance(judged, Verdict)
    return judged


def admitted(name: str, grant: str) -> set[str]:
    """Return the names of images that a grant lets be saved or sent."""
    policy = policy_of(name + (f": {grant}" if grant else ""))
    return {image for image in [*OWNERS, "e"] if decided(policy, TARGETS[name].format(image)).passes}


def test_each_of_these_operations_is_tried() -> None:
    assert TARGETS.keys() == EXPORTING


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_own_or_listed_is_exported(name: str) -> None:
    assert admitted(name, "{own: true}") == {"a", "b"}
    assert admitted(name, "{own: true, images: [a, c]}") == {"a"}
    assert admitted(name, "{images: [a]}") == {"a"}
    assert admitted(name, "") == (set() if "Push" in name else {*OWNERS, "e"})


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
        (f"names={identify(1)}", f"names=sha256:{identify(1)[7:]}"),
    ],
)
def test_images_go_on_by_the_names_that_were_judged(asked: str, written: str) -> None:
    verdict = decided(policy_of("ImageGetAll: {own: true}"), f"GET /v1.41/images/get?{asked}")
    assert line_of(verdict) == f"GET /v1.41/images/get?{written} HTTP/1.1"


def many(names: Iterable[str]) -> str:
    return "&".join(f"names={name}" for name in names)


@pytest.mark.parametrize(
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
@pytest.mark.parametrize("grant", ["{own: true}", "{images: [a]}"])
def test_what_is_unclear_or_not_all_admitted_is_not_saved(grant: str, asked: str) -> None:
    assert not decided(policy_of(f"ImageGetAll: {grant}"), f"GET /v1.41/images/get?{asked}").passes
    assert decided(policy_of(f"ImageGetAll: {grant}"), f"GET /v1.41/images/get?{many(['a'] * 32)}").passes


def test_own_names_stay_as_long_as_they_are_needed() -> None:
    for name, target in TARGETS.items():
        kept = decided(policy_of(f"{name}: {{own: true}}"), target.format("a")).keeps
        assert kept == (full("a"),), name
        assert decided(policy_of(f'{name}: {{images: ["**"]}}'), target.format("c")).keeps == ()
