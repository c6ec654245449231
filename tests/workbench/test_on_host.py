"""What a grant lets be mounted is listed as the host has it, whatever the client calls it."""

import pytest
from policy.policies import condition

from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.model import Grant, Policy
from dockerproxy.policy.places import Places
from dockerproxy.workbench.on_host import on_host

PLACES = Places({"/workspace": "/srv/job", "/root-of-host": "/"}, "/srv/ci.sock")


@pytest.mark.parametrize(
    ("bind", "listed"),
    [
        ("/workspace/a", {"/srv/job/a:rw"}),
        ("/data:ro", {"/data:ro"}),
        ("/root-of-host/etc", {"/etc:rw"}),
        ("/w*/a", {"/w*/a:rw", "/srv/job/a:rw"}),
        ("/**/a", {"/**/a:rw", "/srv/job/a:rw", "/srv/job/**/a:rw", "/a:rw"}),
        ("/var/run/docker.sock", set()),
    ],
)
def test_a_directory_is_listed_by_what_the_host_calls_it(bind: str, listed: set[str]) -> None:
    grant = Grant(frozenset({"ContainerCreate"}), "x", (condition("binds", (bind,)), condition("memory", "1GiB")))
    policy = compile_policy(Policy(grants=(grant,), denials=(), hint=str, places=PLACES))
    (case,) = policy.cases["ContainerCreate"]
    found = on_host(policy, case)
    assert set(found.by_word["binds"].value) == listed  # type: ignore[arg-type]  # a list of items
    assert found.by_word["memory"] == case.by_word["memory"]
