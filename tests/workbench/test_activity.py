"""What clients did is counted, and a log can have whatever it likes without using up the memory."""

from datetime import UTC, date, datetime

import pytest
from observe.records import ID, NOON, record_of

from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.workbench import activity
from dockerproxy.workbench.activity import EARLIER, OTHERS, Activity, Client, Denial, Thing

DAY = 86_400.0
TODAY = datetime.fromtimestamp(NOON, UTC).date()
WEB = Client("web", 0, 0)


def noted(*records: tuple[Record, float, int]) -> Activity:
    made = Activity()
    for each in records:
        made.note(*each)
    return made


def allowed(line: str, named: str = "") -> Record:
    return record_of(line, named, decision=Outcome.ALLOWED)


def denied(line: str, reason: str = "why") -> Record:
    return record_of(line, decision=Outcome.DENIED)._replace(reason=reason)


def test_a_client_is_a_user_of_a_socket_whatever_its_process() -> None:
    record = allowed("GET /containers/json")
    made = noted(
        (record, NOON, 1),
        (record._replace(peer=Peer(0, 0, 7)), NOON + DAY, 12),
        (record._replace(peer=Peer(5, 6, 7)), NOON, 1),
        (record._replace(socket="ci"), NOON, 1),
    )
    assert list(made.clients) == [WEB, Client("web", 5, 6), Client("ci", 0, 0)]
    assert made.clients[WEB].uses == {"ContainerList": {Outcome.ALLOWED: 13}}
    assert made.days[Outcome.ALLOWED] == {TODAY: 3, TODAY.replace(day=TODAY.day + 1): 12}
    assert made.span == (NOON, NOON + DAY)


def test_what_did_not_pass_is_counted_by_its_reason_with_an_example() -> None:
    refused = record_of("GET /containers/../x", decision=Outcome.REFUSED)._replace(reason="ambiguous")
    reported = record_of("POST /containers/web/stop")._replace(reason="not granted")
    made = noted(
        *((denied(f"POST /containers/{name}/kill"), NOON, 2) for name in ("web", "db")),
        (refused, NOON, 1),
        (reported, NOON, 1),
    )
    done = made.clients[WEB]
    found = {denial: (tally.count, tally.example) for denial, tally in done.denials.list_most(9)}
    assert found == {
        Denial(Outcome.DENIED, "ContainerKill", "why"): (4, "POST /containers/web/kill"),
        Denial(Outcome.REFUSED, "", "ambiguous"): (1, "GET /containers/../x"),
        Denial(Outcome.REPORTED, "ContainerStop", "not granted"): (1, "POST /containers/web/stop"),
    }
    assert {outcome: days.total() for outcome, days in made.days.items() if days} == {
        Outcome.DENIED: 4,
        Outcome.REFUSED: 1,
        Outcome.REPORTED: 1,
    }


@pytest.mark.parametrize(
    ("line", "named", "thing"),
    [
        ("GET /v1.45/containers/web/json", "", Thing("containers", "web")),
        (f"GET /containers/{ID}/json?size=1", "", Thing("containers", ID[:12])),
        (f"GET /containers/{ID}/json", "db", Thing("containers", "db")),
        ("DELETE /v1.45/images/a%2Fb:1", "", Thing("images", "a/b:1")),
        ("GET /v5.0.0/libpod/volumes/data/json", "", Thing("volumes", "data")),
        ("GET /containers/json", "", None),
    ],
)
def test_an_object_is_what_the_engine_called_it_or_else_the_client(line: str, named: str, thing: Thing | None) -> None:
    done = noted((allowed(line, named), NOON, 3)).clients[WEB]
    assert [each for each, _ in done.things.list_most(9)] == ([thing] if thing else [])


def test_what_changes_something_is_told_from_what_only_tried_to() -> None:
    made = noted(
        (allowed("POST /containers/web/stop"), NOON, 2),
        (denied("POST /containers/web/kill"), NOON, 3),
        (allowed("GET /containers/web/json"), NOON, 4),
    )
    ((_, tally),) = made.clients[WEB].things.list_most(9)
    assert (tally.count, tally.changes, tally.stopped) == (9, 2, 3)


def test_memory_is_bounded_whatever_a_log_has() -> None:
    made = Activity()
    record = denied("POST /containers/web/kill")
    most = 3 * activity._MOST_KEPT
    for number in range(most):
        made.note(
            record._replace(
                socket=f"s{number}",
                peer=Peer(number, number, number),
                operation=f"Made{number}",
                target=f"/containers/{number}/kill",
                reason=f"because {number}",
            ),
            NOON + number * DAY,
            1,
        )
        made.note(record._replace(target=f"/containers/{number}/kill", reason=str(number)), NOON - number * DAY, 1)
    assert len(made.clients) <= activity._MOST_CLIENTS + 1
    assert OTHERS in made.clients
    for done in made.clients.values():
        assert done.uses.keys() <= {"", "ContainerKill"}
        for top in (done.things, done.denials):
            assert len(top._tallies) <= 2 * activity._MOST_KEPT
    days = {day for counted in made.days.values() for day in counted}
    assert len(days) <= 2 * activity._MOST_DAYS + 1
    assert EARLIER in days
    assert max(days) > date(2030, 1, 1)
    assert sum(days.total() for days in made.days.values()) == 2 * most
    assert sum(done.tally.count for done in made.clients.values()) == 2 * most
    assert sum(use.total() for done in made.clients.values() for use in done.uses.values()) == 2 * most


def test_what_is_kept_is_short() -> None:
    long = "x" * (1 << 20)
    made = noted((denied("POST /containers/web/kill", long)._replace(target=f"/containers/{long}/kill"), NOON, 1))
    done = made.clients[WEB]
    ((denial, tally),) = done.denials.list_most(9)
    ((thing, _),) = done.things.list_most(9)
    for text in (denial.reason, tally.example, thing.name):
        assert len(text) <= activity._LONGEST + 3
        assert text.endswith("...")


@pytest.mark.parametrize("socket", ["", "x" * 64, "A", "<b>", "../x", "a b"])
def test_what_is_no_name_of_a_socket_is_not_shown_as_one(socket: str) -> None:
    assert list(noted((allowed("GET /_ping")._replace(socket=socket), NOON, 1)).clients) == [OTHERS]
