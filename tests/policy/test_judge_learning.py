"""Where nothing is refused it is said what a request would need of a contained grant, and it goes on as it came."""

import json

import pytest
from policy.claims.sending import feed_all
from policy.judging import finish
from policy.policies import condition, grant_on, policy_with
from wire.heads import head_of
from wire.tars import archive_of, item

from dockerproxy.policy.claims.archives import ReadArchive
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge, judge_archive
from dockerproxy.policy.model import Grant, Mode
from dockerproxy.policy.needs import UNREAD
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.phases import NeedsBody, Verdict
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.wire.document import Json

APP = "docker.io/library/app:latest"
BODY: Json = {"image": "app", "HostConfig": {"Binds": ["data:/d"], "Privileged": False}}
NEEDED = {"names": (), "images": (APP,), "networks": ("default",), "volumes": ("data",)}
CONTAINED = Grant(frozenset({"ContainerCreate"}), "x")
LEARNING = policy_with(mode=Mode.LEARN)
REPORTING = policy_with(mode=Mode.REPORT)


def judged_in(policy: CompiledPolicy, line: str, content: Json = None, *, held: bool = True) -> Verdict:
    """Judge a request to its end, for an engine that has none of what it names."""
    fields = ("Content-Type: application/json", f"Content-Length: {len(json.dumps(content))}") if content else ()
    judged = judge(policy, head_of(*fields, line=f"{line} HTTP/1.1"))
    assert isinstance(judged, NeedsBody) is held
    verdict = finish(policy, judged, json.dumps(content).encode() if content else b"")
    assert isinstance(verdict, Verdict)
    return verdict


@pytest.mark.parametrize("policy", [LEARNING, REPORTING, policy_with(CONTAINED, mode=Mode.REPORT)])
def test_what_a_request_would_need_is_said_and_it_goes_on_as_it_came(policy: CompiledPolicy) -> None:
    judged = judged_in(policy, "POST /containers/create", BODY)
    assert judged.needs == NEEDED
    assert not judged.decision.allowed
    assert judged.to_engine.endswith(json.dumps(BODY).encode())


def test_what_would_be_allowed_anyway_needs_nothing_where_that_is_only_reported() -> None:
    granted = Grant(frozenset({"ContainerCreate"}), "x", (condition("volumes", ("data",)),))
    assert judged_in(policy_with(granted, mode=Mode.REPORT), "POST /containers/create", BODY).needs is None
    opened = Grant(frozenset({"ContainerCreate"}), "x", (UNRESTRICTED,))
    report = policy_with(opened, mode=Mode.REPORT)
    assert judged_in(report, "POST /containers/create", BODY, held=False).needs is None
    assert judged_in(policy_with(opened, mode=Mode.LEARN), "POST /containers/create", BODY).needs == NEEDED


def test_a_body_that_no_grant_looks_at_is_not_held_to_ask_for_its_object() -> None:
    opened = grant_on("ContainerExec", "web")
    report = policy_with(Grant(opened.operations, "x", (*opened.conditions, UNRESTRICTED)), mode=Mode.REPORT)
    judged = judged_in(report, "POST /containers/db/exec", {"Cmd": ["ls"]}, held=False)
    assert (judged.needs, judged.passes, judged.body) == (None, True, None)


def test_what_is_known_only_of_the_object_is_asked_for() -> None:
    judged = judged_in(REPORTING, "POST /networks/front/connect", {"Container": "web"})
    assert judged.needs == {"networks": ("front",), "containers": ("web",)}
    assert judged.object == "front"


def reading(policy: CompiledPolicy, line: str) -> Verdict:
    """Judge a request with an archive as far as its head goes, for an engine that has what it names."""
    judged = judge(policy, head_of("Content-Length: 5", line=f"{line} HTTP/1.1"))
    verdict = finish(policy, judged, b"", lambda lookup: ResolvedObject(lookup.name, (lookup.name,)))
    assert isinstance(verdict, Verdict)
    return verdict


def read(verdict: Verdict, content: bytes) -> Verdict:
    """Have an archive pass."""
    archive = ReadArchive(verdict.request, verdict.decision.conditions)
    feed_all(archive, content)
    archive.end()
    return judge_archive(verdict, archive)


def test_what_an_archive_needs_is_known_when_it_was_read() -> None:
    build = reading(LEARNING, "POST /build?t=x&networkmode=none")
    assert build.needs is UNREAD
    tags = {"tags": ("docker.io/library/x:latest",)}
    assert read(build, archive_of(item("Dockerfile", b"FROM a\nonbuild copy a b\n"))).needs == {
        **tags,
        "instructions": ("FROM", "ONBUILD", "COPY"),
    }
    assert read(build, archive_of(item("Dockerfile", b"FROM a\nNONSENSE\n"))).needs == {**tags, "instructions": ()}
    named = archive_of(item("manifest.json", b'[{"RepoTags": ["a", "b:1"]}, {"RepoTags": null}]'))
    assert read(reading(LEARNING, "POST /images/load"), named).needs == {
        "tags": ("docker.io/library/a:latest", "docker.io/library/b:1")
    }
    files = reading(LEARNING, "PUT /containers/web/archive?path=/a")
    assert read(files, archive_of(item("a", b"x"))).needs == {}
    assert judged_in(REPORTING, "POST /images/create?fromImage=app&tag=1", held=False).needs == {}


def test_what_no_archive_could_mend_is_said_without_it() -> None:
    assert reading(LEARNING, "POST /build?version=2").needs == {
        "unrestricted": '?version is "2", not allowed: BuildKit takes from its client what cannot be seen here'
    }


@pytest.mark.parametrize("mode", [Mode.REPORT, Mode.LEARN])
def test_the_decision_about_an_archive_is_that_of_a_socket_that_enforces(mode: Mode) -> None:
    words = Grant(frozenset({"ImageBuild"}), "x", (condition("instructions", ("FROM",)),))
    policy = policy_with(words, words._replace(conditions=(condition("instructions", ("FROM", "RUN")),)), mode=mode)
    build, needed = reading(policy, "POST /build"), {"networks": ("default",)}
    for content, allowed in ((b"FROM a\n", True), (b"FROM a\nRUN a\n", True), (b"FROM a\nADD b c\n", False)):
        judged = read(build, archive_of(item("Dockerfile", content)))
        assert judged.decision.allowed is allowed
        assert judged.to_engine == build.to_engine
        if mode is Mode.REPORT and allowed:
            assert judged.needs is None
        else:
            instructions = tuple(line.split(b" ")[0].decode() for line in content.splitlines())
            assert judged.needs == {**needed, "instructions": instructions}


def test_nobody_learns_where_something_is_refused() -> None:
    assert judged_in(policy_with(CONTAINED), "POST /containers/create", BODY).needs is None
    assert judged_in(policy_with(), "POST /containers/create", BODY, held=False).needs is None
    assert judged_in(LEARNING, "GET /containers/json", held=False).needs is None
