"""What is decided about a request is true when it goes on."""

from proxy.harness import in_loop, world
from proxy.podman import DB, DELETE, ask, claims, podman, status_of
from proxy.stage import until

from dockerproxy.policy.judge import judge, judge_object
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.proxy.deciding import is_as_claimed
from dockerproxy.proxy.removals import Claim


@in_loop
async def test_who_waited_for_a_claim_is_judged_anew() -> None:
    async with world(policy=DB) as here, podman(here, "db", "db-log") as engine:
        engine.goes_on.clear()
        first, second = [await ask(here, DELETE) for _ in range(2)]
        await engine.hears(1)
        await until(lambda: claims(here) == 2, "the second one waits")
        engine.goes_on.set()
        assert (await status_of(first), await status_of(second)) == (b"200", b"404")


def test_a_removal_is_about_what_was_claimed_for_it() -> None:
    waiting = judge(DB, DELETE)
    assert isinstance(waiting, NeedsLookup)
    verdict = judge_object(DB, waiting, ResolvedObject("db", ("db",), subject="db"))
    assert isinstance(verdict, Verdict)
    assert is_as_claimed(verdict, Claim("db", was_judged=True))
    assert not is_as_claimed(verdict, Claim("db-log", was_judged=True))
