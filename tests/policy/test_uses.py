"""What is used of a quota, and what a request would add to it."""

import json
from collections import Counter
from dataclasses import replace

from policy.policies import ID, request_for

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import Known
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject
from dockerproxy.policy.quota import Quota
from dockerproxy.policy.stamps import NONCE, OWNER
from dockerproxy.policy.uses import Item, add_up, count_object, find_asked, find_excess, is_counted

STAMP = {OWNER: "ci", NONCE: "n1"}
OWN = ResolvedObject(ID, ("web",), subject=ID, belongs_to="ci", labels=STAMP)
ALLOWED = Decision(allowed=True, source="", counts_for="ci")


def asked(operation: str, content: object, *mounts: str) -> tuple[Item, ...]:
    """Return what a request adds."""
    decision = replace(ALLOWED, content=json.dumps(content).encode(), mounts=mounts)
    return find_asked(request_for(OPERATIONS[operation]), decision, Known(nonce="n2"))


def test_an_object_counts_once_by_any_of_its_marks() -> None:
    listed = (count_object("volumes", ResolvedObject("v", ("v",), labels=STAMP)),)
    for mark, expected in ((("id", "v"), 1), (("nonce", "n1"), 1), (("id", "n1"), 2)):
        assert add_up(listed, (Item("volumes", (mark,)),)) == {"volumes": expected}
    assert add_up(listed * 2, ()) == {"volumes": 2}


def test_anonymous_volumes_count() -> None:
    mounts = [
        {"Type": "volume", "Target": "/a", "VolumeOptions": {"Labels": {**STAMP, NONCE: f"n2.{n}"}}} for n in "012"
    ]
    content = {
        "HostConfig": {"Mounts": [*mounts, {"Type": "volume", "Source": "v", "Target": "/v"}, {"Type": "tmpfs"}]}
    }
    pending = asked("ContainerCreate", content)
    assert add_up((), pending) == {"containers": 1, "volumes": 3}
    listed = tuple(count_object("volumes", ResolvedObject(n, (), labels={**STAMP, NONCE: f"n2.{n}"})) for n in "012")
    assert add_up(listed, pending)["volumes"] == 3


def test_a_volume_is_known_by_its_name_if_it_has_one() -> None:
    assert asked("VolumeCreate", {"Name": "v"}) == (Item("volumes", (("id", "v"),)),)
    assert asked("VolumeCreate", {"Name": ""}) == (Item("volumes", (("nonce", "n2"),)),)
    assert add_up((), asked("ServiceCreate", {}, "a", "b")) == Counter({"volumes": 2})


def test_a_forged_stamp_does_not_count_and_one_that_cannot_be_proven_does() -> None:
    lookup = Lookup(Kind.CONTAINER, "i", "/images/i/json", OPERATIONS["ContainerList"], of=OWN)
    for inherited, expected in (({}, True), (None, True), ({NONCE: "n0"}, True), ({NONCE: "n1"}, False)):
        assert is_counted(lookup, "ci", {"/images/i/json": inherited}) is expected
    assert is_counted(lookup, "ci", {})
    assert is_counted(OWN, "ci", {})
    assert not is_counted(OWN, "other", {})
    assert not is_counted(replace(OWN, labels={OWNER: "ci"}), "ci", {})


def test_a_denial_says_what_is_used_and_what_to_do() -> None:
    listed, one = (Item("networks", (("id", "a"),)),) * 2, Item("networks", (("nonce", "n"),))
    says = '2 of 2 networks are there; remove one, or raise quota of socket "ci"'
    assert find_excess(Quota({"networks": 2}, "ci"), listed, (), (one,)) == says
    assert find_excess(Quota({"networks": 1}, "ci"), listed, (), ()) == ""
