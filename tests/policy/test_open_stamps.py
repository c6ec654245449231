"""What is created on a socket with `own` is stamped, also by a grant that does not look at what it is."""

from typing import Any

from api.paths import path_of
from hypothesis import given
from hypothesis import strategies as st
from policy.stamping import MINE, THEIRS, engine, send, sent

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import NONCE, OWNER, make_stamp
from dockerproxy.policy.compile import find_places_of_labels
from dockerproxy.text import fold

OPEN = (
    read_policy(
        """
sockets:
  ci:
    path: /ci.sock
    own_as: team
    allow: [own, "containers:write", preset:portainer]
""",
        "policy.yaml",
    )
    .sockets[0]
    .policy
)
LABELLED = {name: places for name, body in BODIES.items() if (places := find_places_of_labels(body))}
STAMPED = {name: places for name, places in LABELLED.items() if "{" not in OPERATIONS[name].path}
LABELS: st.SearchStrategy[Any] = (
    st.dictionaries(st.sampled_from([OWNER, NONCE, "a"]), st.just("others")) | st.none() | st.just([])
)
KEYS = ["Labels", "labels", "LABELS", "label\u017f", "Image", "Name", "TaskTemplate", "tasktemplate", "Privileged"]
BODIES_SENT = st.dictionaries(
    st.sampled_from(KEYS),
    LABELS | st.text(max_size=2) | st.dictionaries(st.sampled_from(["ContainerSpec", "containerspec"]), LABELS),
)


@given(name=st.sampled_from(sorted(STAMPED)), body=BODIES_SENT)
def test_whatever_grant_admits_a_create_it_is_stamped(name: str, body: Any) -> None:
    """And nothing else is changed by a grant that is unrestricted."""
    operation = OPERATIONS[name]
    verdict = send(f"{operation.method} {path_of(operation)}", body, engine(MINE), policy=OPEN)
    assert any(case.body is None for case in OPEN.cases[name]) or not OPEN.cases[name]
    if not verdict.passes:
        return
    made = sent(verdict)
    for place in STAMPED[name]:
        found = made
        for key in place.split("."):
            assert [each for each in found if fold(each) == fold(key)] == [key]
            found = found[key]
        assert found.items() >= make_stamp("team", "n9").items()
    tops = {fold(place.partition(".")[0]) for place in STAMPED[name]}
    left = [{key: value for key, value in each.items() if fold(key) not in tops} for each in (made, body)]
    assert left[0] == left[1]


def test_a_body_that_cannot_be_stamped_does_not_pass() -> None:
    line = "POST /v1.41/containers/create"
    bodies: tuple[Any, ...] = (None, [], {"Labels": {}, "labels": {}}, {"Labels": "x"})
    for body in bodies:
        verdict = send(line, body, engine(None), policy=OPEN)
        assert not verdict.passes
    assert verdict.decision.message == "ContainerCreate denied: Labels is not a single map of labels"


def test_volumes_that_an_unrestricted_create_mounts_are_made_under_the_stamp() -> None:
    line, mounts = "POST /v1.41/containers/create", {"Privileged": True, "Binds": ["web:/data", "/etc:/etc"]}
    made = send(line, {"Image": "busybox", "HostConfig": mounts}, engine(None), policy=OPEN)
    assert made.decision.uses.makes == {"web": {}}
    assert sent(made)["HostConfig"] == mounts
    assert send(line, {"Image": "busybox", "HostConfig": mounts}, engine(THEIRS), policy=OPEN).decision.uses.makes == {}
    driven = send(line, {"HostConfig": {**mounts, "VolumeDriver": "nfs"}}, engine(None), policy=OPEN)
    assert (driven.passes, driven.decision.uses.makes) == (True, {})


def test_an_unrestricted_update_leaves_the_stamp_as_it_is() -> None:
    """It takes over nothing that others have, loses nothing that is own, and forges nothing."""
    assert LABELLED.keys() - STAMPED.keys() == {"ConfigUpdate", "SecretUpdate", "ServiceUpdate"}
    for stamp in (MINE, THEIRS, {}):
        for forged in ({}, {OWNER: "team", NONCE: "forged"}):
            line, body = "POST /v1.41/services/web/update?version=1", {"Labels": {"a": "b", **forged}}
            assert sent(send(line, body, engine(stamp), policy=OPEN))["Labels"] == {"a": "b", **stamp}
