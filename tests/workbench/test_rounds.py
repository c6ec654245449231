"""A client that lists objects and then asks for each is told from one that knows what it asks for."""

from observe.records import NOON, record_of
from rows import for_each

from dockerproxy.observe.record import Peer, Record
from dockerproxy.workbench.needs import Need, find_need
from dockerproxy.workbench.rounds import Rounds, describe

IDS = [f"{number:064x}" for number in range(1, 6)]
LIST = record_of("GET /containers/json?all=1")


def inspect(identity: str, name: str = "web", what: str = "json", status: int = 200) -> Record:
    return record_of(f"GET /containers/{identity}/{what}", name, status=status)


def find_rounds(*records: Record, seconds: float = 1, is_own: bool = False) -> list[bool]:
    """Return for each record whether it is part of a round."""
    rounds, found = Rounds(), []
    for number, record in enumerate(records):
        need = find_need(record)
        assert isinstance(need, Need)
        found.append(rounds.note(record, need, NOON + number * seconds, is_own=is_own))
    return found


def test_three_that_were_listed_before_are_a_round() -> None:
    assert find_rounds(LIST, *map(inspect, IDS[:4])) == [False, False, False, True, True]
    assert find_rounds(LIST, *(inspect(each, what="stats?stream=0") for each in IDS[:3]))[-1]


def test_rounds_that_are_made_again_are_one() -> None:
    assert find_rounds(LIST, inspect(IDS[0]), LIST, inspect(IDS[1]), LIST, inspect(IDS[2]))[-1]


@for_each(
    "records",
    [
        [*map(inspect, IDS)],
        [*map(inspect, IDS), LIST],
        [LIST, *[inspect(IDS[0])] * 5],
        [LIST, *map(inspect, IDS[:2])],
        [LIST, *(inspect(name, name) for name in ("web", "db", "cache", "ci"))],
        [LIST, *(inspect(each, "", status=404) for each in IDS)],
        [LIST._replace(peer=Peer(0, 0, 2)), *map(inspect, IDS)],
        [record_of('GET /containers/json?filters={"label":["project=a"]}'), *map(inspect, IDS)],
        [record_of("GET /containers/json?filters=[]"), *map(inspect, IDS)],
        [record_of("GET /containers/json?filters={"), *map(inspect, IDS)],
        [record_of("GET /networks"), *map(inspect, IDS)],
        [LIST, *(record_of(f"POST /containers/{each}/start", "web", status=204) for each in IDS)],
        [LIST, *(inspect(each, what="logs") for each in IDS)],
    ],
)
def test_what_a_client_knew_or_changes_is_no_round(records: list[Record]) -> None:
    assert not any(find_rounds(*records))


def test_what_a_client_created_itself_is_no_part_of_a_round() -> None:
    assert not any(find_rounds(LIST, *map(inspect, IDS), is_own=True))


def test_a_list_of_long_ago_begins_no_round() -> None:
    assert not any(find_rounds(LIST, *map(inspect, IDS), seconds=61))
    running = record_of('GET /containers/json?filters={"status":["running"]}')
    assert find_rounds(running, *map(inspect, IDS), seconds=59)[-1]


def test_rounds_without_end_are_forgotten() -> None:
    rounds = Rounds()
    for number in range(600):
        for record in (LIST, inspect(IDS[0])):
            of_peer = record._replace(peer=Peer(0, 0, number))
            need = find_need(of_peer)
            assert isinstance(need, Need)
            rounds.note(of_peer, need, NOON, is_own=False)
    assert len(rounds._ends) <= 256
    assert len(rounds._ids) <= 256


def test_a_round_is_said_in_words() -> None:
    assert describe("ContainerInspect") == "requests each of the containers that it listed"
    assert describe("NetworkInspectLibpod") == "requests each of the networks that it listed"
