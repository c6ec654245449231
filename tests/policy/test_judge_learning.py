"""Where nothing is refused it is said what a request would need of a contained grant, and it goes on as it came."""

import json

import pytest
from policy.judging import finish
from policy.policies import condition, grant_on, policy_with
from wire.heads import head_of

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge, judge_body, judge_object
from dockerproxy.policy.model import Grant, Mode, Source
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.phases import NeedsBody, NeedsLookup, Verdict
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.wire.document import Json

APP = "docker.io/library/app:latest"
BODY: Json = {"image": "app", "HostConfig": {"Binds": ["data:/d"], "Privileged": False}}
KEPT = {"user": "any", "read_only": "", "no_new_privileges": ""}
"""What is known of the same create for words that restrict."""

NEEDED = {"names": (), "images": (APP,), "networks": ("default",), "volumes": ("data",), **KEPT}
CREATE = "POST /containers/create HTTP/1.1"
CONTAINED = Grant(frozenset({"ContainerCreate"}), Source("x"))
LEARNING = policy_with(mode=Mode.LEARN)
REPORTING = policy_with(mode=Mode.REPORT)


def judged_in(policy: CompiledPolicy, line: str, content: Json = None, *, held: bool = True) -> Verdict:
    """Judge a request to its end, for an engine that has none of what it names."""
    fields = ("Content-Type: application/json", f"Content-Length: {len(json.dumps(content))}") if content else ()
    judged = judge(policy, head_of(*fields, line=f"{line} HTTP/1.1"))
    assert isinstance(judged, NeedsBody) is held
    verdict = finish(judged, json.dumps(content).encode() if content else b"")
    assert isinstance(verdict, Verdict)
    return verdict


@pytest.mark.parametrize("policy", [LEARNING, REPORTING, policy_with(CONTAINED, mode=Mode.REPORT)])
def test_what_a_request_would_need_is_said_and_it_goes_on_as_it_came(policy: CompiledPolicy) -> None:
    judged = judged_in(policy, "POST /containers/create", BODY)
    assert judged.needs == NEEDED
    assert not judged.decision.allowed
    assert judged.to_engine.endswith(json.dumps(BODY).encode())


def test_what_would_be_allowed_anyway_needs_nothing_where_that_is_only_reported() -> None:
    granted = Grant(frozenset({"ContainerCreate"}), Source("x"), (condition("volumes", ("data",)),))
    assert judged_in(policy_with(granted, mode=Mode.REPORT), "POST /containers/create", BODY).needs is None
    opened = Grant(frozenset({"ContainerCreate"}), Source("x"), (UNRESTRICTED,))
    report = policy_with(opened, mode=Mode.REPORT)
    assert judged_in(report, "POST /containers/create", BODY, held=False).needs is None
    assert judged_in(policy_with(opened, mode=Mode.LEARN), "POST /containers/create", BODY).needs == NEEDED


def test_a_body_that_no_grant_looks_at_is_not_held_to_ask_for_its_object() -> None:
    opened = grant_on("ContainerExec", "web")
    report = policy_with(Grant(opened.operations, Source("x"), (*opened.conditions, UNRESTRICTED)), mode=Mode.REPORT)
    judged = judged_in(report, "POST /containers/db/exec", {"Cmd": ["ls"]}, held=False)
    assert (judged.needs, judged.passes, judged.body) == (None, True, None)


def test_what_is_known_only_of_the_object_is_asked_for() -> None:
    judged = judged_in(REPORTING, "POST /networks/front/connect", {"Container": "web"})
    assert judged.needs == {"networks": ("front",), "containers": ("web",)}
    assert judged.object == "front"


def build_in(mode: Mode, query: str = "", *grants: Grant) -> Verdict:
    """Judge a build by its head, where nothing is refused."""
    judged = judge(policy_with(*grants, mode=mode), head_of("Content-Length: 5", line=f"POST /build{query} HTTP/1.1"))
    assert isinstance(judged, Verdict)
    return judged


def test_what_passes_unread_needs_what_its_parameters_say() -> None:
    build = build_in(Mode.LEARN, "?t=x&networkmode=none")
    assert (build.needs, build.passes) == ({"tags": ("docker.io/library/x:latest",)}, True)
    assert build.to_engine.startswith(b"POST /build?t=x&networkmode=none HTTP/1.1\r\n")
    needs = build_in(Mode.LEARN, "?version=2").needs or {}
    assert str(needs["unrestricted"]).startswith('?version is "2", not allowed: BuildKit would run what')
    assert judged_in(REPORTING, "POST /images/create?fromImage=app&tag=1", held=False).needs == {}


def test_an_import_is_walked_in_any_spelling_and_a_pull_never() -> None:
    walked = {"fromSrc=-", "fromSrc=-&fromImage=", "fromImage=x&fromImage=&fromSrc=-", "FROMIMAGE=x&fromSrc=-"}
    for query in {*walked, "fromImage=x", "fromImage=x&tag=1&fromSrc=-"}:
        line = f"POST /images/create?{query} HTTP/1.1"
        judged = judge(policy_with(mode=Mode.LEARN), head_of("Content-Length: 5", line=line))
        assert isinstance(judged, Verdict)
        assert judged.walks is (query in walked), query


def test_where_something_is_refused_only_a_denied_request_says_what_it_needs_by_names_that_it_has() -> None:
    policy = policy_with(CONTAINED)
    assert judged_in(policy, "POST /containers/create", BODY).needs == NEEDED
    bounded = policy_with(CONTAINED._replace(conditions=(condition("memory", "1GiB"),)))
    held = judge(bounded, head_of("Content-Type: application/json", "Content-Length: 9", line=CREATE))
    assert isinstance(held, NeedsBody)
    much: Json = {"Image": "app", "HostConfig": {"Memory": 1 << 31, "Binds": ["data:/d"]}}
    asked = judge_body(held, json.dumps(much).encode())
    assert isinstance(asked, Verdict)
    assert asked.needs == {**NEEDED, "memory": "2GiB"}
    assert judged_in(policy_with(), "POST /containers/create", BODY, held=False).needs is None
    allowed = policy_with(CONTAINED._replace(conditions=(condition("volumes", ("data",)),)))
    assert judged_in(allowed, "POST /containers/create", BODY).needs is None
    assert judged_in(LEARNING, "GET /containers/json", held=False).needs is None


@pytest.mark.parametrize(("status", "needs"), [("created", None), ("exited", {"running": True})])
def test_of_a_container_whose_files_are_copied_it_is_said_whether_it_has_run(
    status: str, needs: dict[str, bool] | None
) -> None:
    line = "GET /v1.41/containers/web/archive?path=/data"
    waiting = judge(LEARNING, head_of(line=f"{line} HTTP/1.1"))
    assert isinstance(waiting, NeedsLookup)
    document = {"state": {"Status": status}, "mounts": []}
    learned = judge_object(waiting, ResolvedObject("1" * 64, ("web",), document=document))
    assert isinstance(learned, Verdict)
    assert learned.needs == needs
