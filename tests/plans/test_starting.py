"""Only Docker runs a contained build, and an archive with a device is denied."""

import pytest
from policy.policies import condition
from policy.test_judge_learning import build_in

from dockerproxy.plans.starting import refuse_archive
from dockerproxy.plans.table import PLANS
from dockerproxy.policy.model import Grant, Mode, Source
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.steps import Enter, Fills, Identify, Scene
from dockerproxy.policy.vocabulary import UNRESTRICTED


def on_podman(build: Verdict) -> Verdict:
    """Return what becomes of a build in front of another engine than Docker."""
    assert build.plan is not None
    plan = PLANS[build.plan](build, Scene(Fills(), {}, 0.0))
    assert isinstance(next(plan), Enter)
    assert isinstance(next(plan), Identify)
    with pytest.raises(StopIteration) as end:
        plan.send(False)  # noqa: FBT003 (it is what the engine said)
    assert isinstance(end.value.value, Verdict)
    return end.value.value


def test_a_build_of_another_engine_than_docker_needs_an_unrestricted_grant() -> None:
    granted = Grant(frozenset({"ImageBuild"}), Source("x"))
    for mode in (Mode.LEARN, Mode.REPORT):
        for grants in ((), (granted,)):
            build = build_in(mode, "", *grants)
            told = on_podman(build)
            assert (told.passes, told.decision.allowed) == (True, False)
            assert told.to_engine == build.to_engine
            reason = {
                "unrestricted": "the engine does not say that it is Docker, and only Docker's builder is contained"
            }
            assert told.needs == (reason if build.needs is not None else None)
    assert build_in(Mode.REPORT, "", granted._replace(conditions=(UNRESTRICTED,))).plan is None


def test_an_archive_is_denied_under_a_contained_grant_and_needs_an_unrestricted_one() -> None:
    granted = Grant(frozenset({"ImageBuild"}), Source("x"), (condition("tags", ("docker.io/library/app:*",)),))
    reason = "entry 1 of the archive is a pipe"
    opened = granted._replace(conditions=(UNRESTRICTED,))
    for mode, grants, walks in (
        (Mode.ENFORCE, (granted,), True),
        (Mode.ENFORCE, (opened,), False),
        (Mode.REPORT, (granted,), True),
        (Mode.REPORT, (opened,), False),
        (Mode.REPORT, (), True),
        (Mode.LEARN, (), True),
    ):
        build = build_in(mode, "", *grants)
        assert build.walks is walks
        if walks:
            told = refuse_archive(build, reason)
            assert (told.passes, told.decision.allowed) == (mode is not Mode.ENFORCE, False)
            assert told.needs == (None if build.needs is None else {"unrestricted": reason})
            assert not grants or told.decision.message.startswith(f"ImageBuild denied: {reason}; to allow it")
