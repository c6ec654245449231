"""What the word `own` stands for reaches what exists, and makes nothing."""

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import OWN_GRANT, own_policy
from dockerproxy.policy.image_grants import SEEN
from dockerproxy.policy.list_filters import PRUNED
from dockerproxy.policy.model import CREATED_BY, Mode
from dockerproxy.policy.objects import SENDING
from dockerproxy.tenancy.own import Own


def test_it_grants_no_create_and_what_is_own_to_prunes() -> None:
    assert not {name for name in OWN_GRANT.operations if "Create" in name}
    of_images = {name for name in OWN_GRANT.operations if OPERATIONS[name].section.endswith("images")}
    assert of_images == SEEN | {"ImagePrune"}
    assert OWN_GRANT.operations >= PRUNED.keys()
    assert "SystemPruneLibpod" not in OWN_GRANT.operations


def test_own_by_itself_tells_no_names_of_files_of_the_host() -> None:
    """A checkpoint is in any directory; who changes a container has an engine look for changes in any."""
    assert not {name for name in OWN_GRANT.operations if name.startswith("Checkpoint") or "ContainerChanges" in name}


def test_own_by_itself_sends_nothing() -> None:
    """Podman adds credentials of the host where a client sends none."""
    assert not OWN_GRANT.operations & SENDING


def test_the_policy_of_an_owner_enforces_it() -> None:
    policy = own_policy(Own("ci"))
    assert (policy.mode, policy.owner) == (Mode.ENFORCE, "ci")
    assert own_policy(Own("ci")) is policy
    assert {name for name in OPERATIONS if policy.allows(name)} == OWN_GRANT.operations - SEEN - CREATED_BY.keys()
    assert not {
        name
        for name in OWN_GRANT.operations
        for case in policy.cases[name]
        if {each.word for each in case.conditions} != {"own"}
    }
