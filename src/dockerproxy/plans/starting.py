"""The plans of builds, of copies into and out of containers, and of starts.

Attacks: docs/attacks.md, plans/starting.
"""

from dataclasses import replace
from http import HTTPStatus

from dockerproxy.api.catalog import Shape
from dockerproxy.plans.showing import edit
from dockerproxy.policy import steps
from dockerproxy.policy.claim import ENGINE
from dockerproxy.policy.objects import BUILD
from dockerproxy.policy.phases import Act, Plan, Verdict, deny
from dockerproxy.policy.steps import PlanKind, Says, Scene
from dockerproxy.policy.subtrees import NO_PART, mounts_part, reveals_path
from dockerproxy.policy.vocabulary import refuse_to_bound


def build(verdict: Verdict, _scene: Scene) -> Plan:
    """Forward a build if the engine is Docker, whose builder is contained; otherwise deny it.

    In modes that deny nothing, it passes, and needs `unrestricted`.
    """
    counts = verdict.operation.shape is not Shape.TUNNEL  # There, each of its builds counts.
    if counts:
        yield from steps.Enter("builds", verdict.policy.policy.bounds.builds)
    is_docker = yield from steps.Identify()
    if is_docker and counts:
        return steps.Pass()
    verdict = replace(verdict, plan=None)
    if is_docker:
        return verdict
    reason = "does not say that it is Docker, and only Docker's builder is contained"
    if verdict.needs is not None:
        verdict = replace(verdict, needs=refuse_to_bound(f"{ENGINE} {reason}"))
    if verdict.decision.plan is not PlanKind.BUILD:
        return verdict
    case = next(each for each in verdict.policy.cases[BUILD] if each.decision.plan is PlanKind.BUILD)
    return deny(verdict, reason, case=case, path=ENGINE)


def refuse_archive(verdict: Verdict, reason: str) -> Verdict:
    """Deny a request under a contained grant for what its archive has. In modes that deny nothing, it passes."""
    if verdict.needs is not None:
        verdict = replace(verdict, needs=refuse_to_bound(reason))
    if not (verdict.decision.allowed and verdict.decision.walks):
        return verdict
    case = next(each for each in verdict.policy.cases[verdict.operation.name] if each.decision.walks)
    return deny(verdict, reason, case=case)


def copy_files(_verdict: Verdict, _scene: Scene) -> Plan:
    """Copy files into or out of a container that must not start meanwhile."""
    yield from ()
    return steps.Pass()


def start(verdict: Verdict, _scene: Scene) -> Plan:
    """Start a container whose files must not be copied meanwhile, or an exec. Few may be pending."""
    yield from steps.Enter("starts", verdict.policy.policy.bounds.starts)
    if verdict.operation.shape is Shape.TUNNEL:
        return steps.Pass()
    answer = yield from Act(verdict)
    if mounts_part(verdict.known.found) and reveals_path(answer.content.decode(errors="replace")):
        return Says(HTTPStatus.BAD_REQUEST, NO_PART)
    return (yield from edit(verdict, answer))
