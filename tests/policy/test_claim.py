"""What is read of a request is kept in order, and is not too much."""

from policy.policies import request_for

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.secrets import HIDDEN
from dockerproxy.policy.claim import (
    KEEP,
    LEAVE_OUT,
    MOST_FAULTS,
    Claim,
    Fault,
    LeaveOut,
    Reading,
    items_at,
    objects_at,
    pairs_at,
    run_check,
)
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
    reading.claim("tags", "a", "X[0]", "A", "is wrong", target="X[0]", without=True)
    reading.claim("binds", None, "Y", None)
    certain, uncertain = reading.claims
    assert (certain.word, certain.options, certain.shown, certain.target) == (
        "tags",
        (("a", KEEP),),
        "A",
        "X[0]",
    )
    assert (certain.path, certain.says, certain.without) == ("X[0]", "is wrong", True)
    assert (uncertain.word, uncertain.options, uncertain.shown, uncertain.target) == ("binds", (), None, "")
    assert (uncertain.lookup, uncertain.later, uncertain.without) == (None, None, None)


def test_a_fault_shows_no_secret_and_of_a_whole_id_twelve_digits() -> None:
    def shown(path: str, value: Json) -> str:
        return Claim("a", (), path, value, "").fault("is wrong").shown

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


def test_a_check_says_what_goes_on_only_where_that_is_something_else() -> None:
    def run(result: Json | LeaveOut) -> Json:
        return run_check(lambda *_: result, begin(), "x", "X", {})

    assert (run(None), run("y"), run(""), run(LEAVE_OUT)) == ("x", "y", "", None)


def test_what_is_in_a_list_or_an_object_has_a_path_each() -> None:
    assert items_at([1, {}], "A") == [("A[0]", 1), ("A[1]", {})]
    assert objects_at([1, {}], "A") == [("A[1]", {})]
    assert pairs_at({"b": 1}, "A") == [('A["b"]', "b", 1)]
    assert items_at({"b": 1}, "A") == objects_at(None, "A") == []
    assert pairs_at([1], "A") == []
