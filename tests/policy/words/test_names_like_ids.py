"""A name that could be an id is refused; for a network, only if it is the beginning of one."""

import pytest
from policy.inspecting import faults_of, inspect
from policy.policies import request_of
from policy.words.looking import faults
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.owner_labels import NEW
from dockerproxy.policy.claim import Known, Reading
from dockerproxy.policy.objects import Kind, ResolvedObject, missing
from dockerproxy.policy.words.names import check_names

DIGITS = ("0123456789abcdef" * 4)[:64]
SHORT = DIGITS[:12]
CREATE = request_of("POST", "/networks/create")


def ask_about(name: str, found: ResolvedObject | None) -> tuple[str, ...]:
    """Create a network, with an engine that knows that network by this name."""
    known = Known(body=({"Name": name},))
    first = inspect(BODIES["NetworkCreate"], {}, CREATE, known)
    assert [lookup.target for lookup in first.lookups] == [f"/networks/{name}"]
    assert first.faults == ()
    answers = {(Kind.NETWORK, name): found or missing(first.lookups[0])}
    second = inspect(BODIES["NetworkCreate"], {}, CREATE, Known(body=known.body, answers=answers))
    assert second.lookups == ()
    return tuple(map(str, second.faults))


@pytest.mark.parametrize("length", [12, 13, 40, 63])
def test_a_network_may_be_called_by_digits_that_begin_no_id(length: int) -> None:
    assert ask_about(DIGITS[:length], None) == ()
    assert faults("NetworkCreate", content={"Name": DIGITS}) == [
        f'Name is "{SHORT}", ambiguous: it looks like an object ID'
    ]


def test_a_network_is_not_called_like_the_id_of_another_one() -> None:
    other = ResolvedObject(DIGITS, ("other",), document={"name": "other", "id": DIGITS})
    assert ask_about(SHORT, other) == (f'Name is "{SHORT}", ambiguous: it looks like an object ID',)


def test_a_network_of_that_name_is_the_engine_s_own_answer() -> None:
    assert ask_about(SHORT, ResolvedObject("f" * 64, (SHORT,), document={"name": SHORT})) == ()


@pytest.mark.parametrize("target", ["/containers/create", "/volumes/create"])
def test_nothing_else_is_called_by_digits(target: str) -> None:
    for name, is_like_an_id in ((SHORT, True), (DIGITS, True), (DIGITS[:11], False), (f"{SHORT}g", False)):
        reading = Reading(request=request_of("POST", target), answers={})
        check_names(reading, name, "Name", {})
        assert bool(faults_of(reading)) is is_like_an_id
        assert not any(claim.later for claim in reading.claims)


@for_each(
    ("target", "kind"),
    [
        *(("/services/create", Kind.SERVICE), ("/secrets/create", Kind.SECRET), ("/configs/create", Kind.CONFIG)),
        ("/networks/create", Kind.NETWORK),
    ],
)
@for_each("spelled", ["x81mfs7l158n", "X81MFS7L158N", "x81mfs7L158n"])
def test_nothing_in_a_swarm_is_called_like_the_id_of_another(target: str, kind: Kind, spelled: str) -> None:
    """Docker finds `X81MFS7L158N` by `x81mfs7l158n` among secrets and configs."""
    name, identity = "x81mfs7l158n", "x81mfs7l158nfjm42tcufo902"
    other = ResolvedObject(identity, ("web",), document={"id": identity})
    for answers, asks, is_refused in (
        ({}, True, False),
        ({(kind, name): other}, False, True),
        ({(kind, name): ResolvedObject(name, (name,), belongs_to=NEW)}, False, False),
        ({(kind, name): ResolvedObject("k" * 25, (spelled,), document={"id": "k" * 25})}, False, False),
    ):
        reading = Reading(request=request_of("POST", target), answers=answers)
        check_names(reading, spelled, "Name", {})
        assert any(claim.later for claim in reading.claims) is asks
        assert bool(faults_of(reading)) is is_refused
    for name in ("x81mfs7l158", "web-frontend1", "x81mfs7l158nf_"):
        reading = Reading(request=request_of("POST", target), answers={})
        check_names(reading, name, "Name", {})
        assert not any(claim.later for claim in reading.claims)
