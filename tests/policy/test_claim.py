"""What is read of a request is kept in order, and is not too much."""

from policy.policies import request_for

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.secrets import HIDDEN
from dockerproxy.policy.claim import KEEP, MOST_FAULTS, Claim, Fault, Object, Reading, Spelling, read_as
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.wire.document import Json


def begin(**answers: ResolvedObject) -> Reading:
    known = {(Kind.VOLUME, name): found for name, found in answers.items()}
    return Reading(request=request_for(OPERATIONS["ContainerCreate"]), answers=known)


def test_a_fault_reads_as_a_sentence() -> None:
    assert str(Fault("Memory", "7", "but must be at most 5")) == "Memory is 7, but must be at most 5"
    assert str(Fault("Memory", "", "must be set")) == "Memory must be set"


def test_no_more_faults_are_noted_than_anyone_reads() -> None:
    seen = begin()
    for number in range(MOST_FAULTS * 2):
        seen.violate(f"[{number}]", number, "and is wrong")
    assert len(seen.violations) == MOST_FAULTS
    assert seen.violations[0].path == "[0]"


def test_a_claim_has_what_it_means_or_nothing_certain() -> None:
    reading = begin()
    reading.claim("tags images", "a", "X[0]", "A", "is wrong", target="X[0]", without=True)
    reading.claim("binds", None, "Y", None)
    certain, uncertain = reading.claims
    assert (certain.words, certain.options, certain.shown, certain.target) == (
        ("tags", "images"),
        (("a", KEEP),),
        "A",
        "X[0]",
    )
    assert (certain.path, certain.says, certain.without) == ("X[0]", "is wrong", True)
    assert (uncertain.words, uncertain.options, uncertain.shown, uncertain.target) == (("binds",), (), None, "")
    assert (uncertain.lookup, uncertain.later, uncertain.without) == (None, (), None)


def test_a_fault_shows_no_secret_and_of_a_whole_id_twelve_digits() -> None:
    def shown(path: str, value: Json) -> str:
        return Claim(("a",), (), path, value, "").fault("is wrong").shown

    assert shown("X", None) == ""
    assert shown("X", "4f5e" + 60 * "0") == '"4f5e00000000"'
    assert shown("Env", ["A=secret"]) == HIDDEN


def test_what_the_engine_said_of_a_name_is_found_by_its_kind_and_else_it_is_asked() -> None:
    found = ResolvedObject("data", ("data",))
    reading = begin(data=found)
    assert reading.find(Kind.VOLUME, "data") is found
    assert reading.find(Kind.CONTAINER, "data") is None
    lookup = reading.lookup(Kind.VOLUME, "x/y")
    assert (lookup.kind, lookup.name) == (Kind.VOLUME, "x/y")


def note(reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """Note all that a check can, at a path of Docker's."""
    below = f"{path}.Source"
    reading.violate(below, parent.get("size", value), "and is wrong")
    reading.claim("binds", "a", f"{path}.Target", "b", "which no rule allows", target=below)
    reading.claim("memory", 1, path, None)
    return "as it was read"


def test_a_check_of_docker_s_reads_what_another_api_spells_otherwise() -> None:
    reading = begin()
    spelling = Spelling(path="mounts[0]", names={"Source": "source"})
    assert read_as(note, reading, "x", spelling) == "as it was read"
    assert [(fault.path, fault.shown) for fault in reading.violations] == [("mounts[0].source", '"x"')]
    assert [(claim.path, claim.shown, claim.target) for claim in reading.claims] == [
        ("mounts[0]", "b", "mounts[0].source"),
        ("mounts[0]", None, ""),
    ]


def test_what_the_client_wrote_is_shown_and_what_stands_around_it_is_seen() -> None:
    reading = begin()
    read_as(note, reading, "x", Spelling(path="y", shown=7), {"size": 5})
    assert [fault.shown for fault in reading.violations] == ["7"]
    assert [claim.shown for claim in reading.claims] == [7, 7]


def test_what_is_read_in_another_spelling_adds_no_more_faults_than_anyone_reads() -> None:
    reading = begin()
    for _ in range(MOST_FAULTS + 5):
        read_as(note, reading, "x", Spelling(path="y"))
    assert len(reading.violations) == MOST_FAULTS
