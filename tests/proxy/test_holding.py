"""What is decided about a request is true when it goes on."""

import json

from policy.policies import ID
from proxy.harness import in_loop, request
from proxy.podman import DB, DELETE
from waiting import PATIENCE

from dockerproxy.config.policy_file import read_policy
from dockerproxy.plans.table import find_holds
from dockerproxy.policy.judge import judge, judge_body, judge_object
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.phases import NeedsBody, NeedsLookup, Verdict
from dockerproxy.policy.steps import hold_object
from dockerproxy.proxy.holding import Holding

JSON = "Content-Type: application/json"
NET = ResolvedObject(ID, ("net",), subject=ID, belongs_to="ci", document={"id": ID})


def test_a_removal_is_about_what_was_claimed_for_it() -> None:
    waiting = judge(DB, DELETE)
    assert isinstance(waiting, NeedsLookup)
    verdict = judge_object(waiting, ResolvedObject("db", ("db",), subject="db"))
    assert isinstance(verdict, Verdict)
    assert find_holds(verdict) == (hold_object(Kind.VOLUME, "db"),)


def test_a_network_is_not_removed_while_a_create_joins_it() -> None:
    allow = "{path: /ci.sock, allow: [own, ContainerCreate]}"
    [socket] = read_policy(f"sockets: {{ci: {allow}}}", "policy.yaml").sockets
    content = json.dumps({"Image": "x", "HostConfig": {"NetworkMode": "net"}}).encode()
    head = request("POST", "/v1.45/containers/create", f"Content-Length: {len(content)}", JSON).partition(b"\r\n\r\n")[
        0
    ]
    waiting = judge(socket.policy, head + b"\r\n\r\n")
    assert isinstance(waiting, NeedsBody)
    judged, found = judge_body(waiting, content, "n1"), {Kind.NETWORK: NET}
    while isinstance(judged, NeedsLookup):
        judged = judge_object(judged, found.get(judged.lookup.kind))
    assert isinstance(judged, Verdict)
    assert (judged.passes, judged.decision.uses.joins) == (True, (ID,))
    joins, removes = hold_object(Kind.NETWORK, ID, uses=True), hold_object(Kind.NETWORK, ID)
    assert (joins.precedes(removes), removes.precedes(joins)) == (True, True)
    assert not joins.precedes(hold_object(Kind.NETWORK, ID, uses=True))
    assert not removes.precedes(hold_object(Kind.NETWORK, "2f"))


@in_loop
async def test_a_long_name_is_not_remembered() -> None:
    """Anything is, in its place: whoever asked meanwhile asks again."""
    holding, short = Holding(), hold_object(Kind.VOLUME, "other")
    for name, is_quiet in (("a" * 900, True), ("a" * 1_000_000, False)):
        since = holding.moment
        async with holding.take(hold_object(Kind.VOLUME, name), PATIENCE):
            pass
        assert holding.are_quiet((short,), since) is is_quiet
    assert max(len(hold.name) for _, hold in holding._ended) < 1000
