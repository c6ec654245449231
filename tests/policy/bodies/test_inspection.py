"""What is seen of a request is kept in order, and is not too much."""

from policy.policies import ID, request_for

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.bodies.inspection import MOST_FAULTS, MOST_QUESTIONS, Fault, Inspection
from dockerproxy.policy.objects import Found, Kind


def begin(**answers: Found) -> Inspection:
    known = {(Kind.VOLUME, name): found for name, found in answers.items()}
    return Inspection(request=request_for(OPERATIONS["ContainerCreate"]), bounds={}, answers=known)


def test_a_fault_reads_as_a_sentence() -> None:
    assert str(Fault("Memory", "7", "and must be at most 5")) == "Memory is 7, and must be at most 5"
    assert str(Fault("Memory", "", "must be set")) == "Memory must be set"


def test_a_fault_says_what_would_be_needed() -> None:
    seen = begin()
    seen.fault("Binds[0]", "/etc", "and is not granted", "binds", ("/etc",))
    assert seen.faults == [Fault("Binds[0]", '"/etc"', "and is not granted", "binds", ("/etc",))]


def test_no_more_faults_are_noted_than_anyone_reads() -> None:
    seen = begin()
    for number in range(MOST_FAULTS * 2):
        seen.fault(f"[{number}]", number, "and is wrong")
    assert len(seen.faults) == MOST_FAULTS
    assert seen.faults[0].path == "[0]"


def test_what_the_engine_said_is_not_asked_again() -> None:
    found = Found(ID, ("data",))
    seen = begin(data=found)
    assert seen.ask(Kind.VOLUME, "data") is found
    assert seen.ask(Kind.CONTAINER, "data") is None
    assert [question.kind for question in seen.questions] == [Kind.CONTAINER]


def test_the_same_is_asked_once_and_only_so_much_is_asked() -> None:
    seen = begin()
    for number in range(MOST_QUESTIONS * 3):
        assert seen.ask(Kind.VOLUME, "data") is None
        assert seen.ask(Kind.VOLUME, f"data{number}") is None
    assert len(seen.questions) == MOST_QUESTIONS + 1
    assert len({question.name for question in seen.questions}) == MOST_QUESTIONS + 1
