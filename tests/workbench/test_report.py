"""The report says what clients did, what was not allowed, and what their policies expose."""

import re
from collections import Counter
from itertools import pairwise

from observe.records import NOON, record_of
from workbench.test_markup import HOSTILE, Read

from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.workbench.activity import Activity
from dockerproxy.workbench.report import Judged, Source, write_report

SOURCE = Source(logs=("proxy.log",), policy="policy.yaml", unreadable=0)
JUDGED = Judged(
    name="web",
    root="root on the host: no",
    exposures=("it sees every container's environment",),
    summary="1 operations are allowed",
)


def text_of(page: str) -> str:
    """Return what a reader sees, without the sheet and the blanks."""
    shown = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(Read(re.sub(r"(<(?!/?(?:code|b|small|br)\b))", r" \1", shown)).text.split())


def write(*records: Record, judged: tuple[Judged, ...] = (), source: Source = SOURCE) -> str:
    activity = Activity()
    for index, record in enumerate(records):
        activity.note(record, NOON + index, 1)
    return write_report(activity, judged, source)


def denied(line: str, reason: str) -> Record:
    return record_of(line, decision=Outcome.DENIED)._replace(reason=reason)


ALLOWED = record_of("GET /containers/json", decision=Outcome.ALLOWED)
DENIED = denied("POST /containers/web/kill", 'no rule allows it; to allow it, add "ContainerKill"')


def test_each_client_has_its_operations_denials_and_objects() -> None:
    shown = text_of(write(ALLOWED, DENIED, ALLOWED._replace(socket="ci", peer=Peer(7, 8, 9))))
    for part in (
        "2026-11-24 12:00 to 2026-11-24 12:00 UTC",
        "Requests by day Day Allowed Reported Denied Refused 2026-11-24 2 0 1 0",
        "Client with uid 0, gid 0 2 requests, 1 of them not allowed, from",
        "Operations Operation Requests Not allowed ContainerList 1 0 ContainerKill 1 1",
        "Socket ci Client with uid 7, gid 8 1 request, 0 of them",
        "ContainerKill denied 1 POST /containers/web/kill no rule allows it; to allow it, add",
        "Objects touched Object Among Requests Changes Not allowed Last web containers 1 0 1 2026-11-24 12:00",
        "Made by dockerproxy",
    ):
        assert part in shown, shown


def test_a_policy_has_its_verdict_and_its_exposures() -> None:
    page = write(ALLOWED, judged=(JUDGED, JUDGED._replace(name="idle", exposures=())))
    shown = text_of(page)
    for part in (
        "What its policy exposes root on the host: no. 1 operations are allowed.",
        "What you may not expect it sees every container's environment",
        "Socket idle What its policy exposes",
        "1 operations are allowed. No request to this socket is recorded.",
    ):
        assert part in shown, shown


def test_what_does_not_fit_is_counted() -> None:
    objects = [record_of(f"GET /containers/n{index}/json", decision=Outcome.ALLOWED) for index in range(25)]
    reasons = [denied("POST /containers/web/kill", f"because {index}") for index in range(25)]
    users = [ALLOWED._replace(peer=Peer(index, 0, 0)) for index in range(40)]
    shown = text_of(write(*objects, *reasons, *users, source=SOURCE._replace(unreadable=3)))
    for part in (
        "And 6 more requests about other objects.",
        "And 5 more requests for other reasons.",
        "Other clients Too many to tell apart 8 requests",
        "Ignored 3 lines with no valid record.",
    ):
        assert part in shown, shown


def test_every_link_leads_to_an_element_of_the_page() -> None:
    attributes = Read(write(ALLOWED, judged=(JUDGED,))).attributes
    ids = [value for name, value in attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = [value for name, value in attributes if name == "href"]
    assert {value.removeprefix("#") for value in links if value} <= set(ids)
    assert "#main" in links


def test_headings_go_down_one_level_at_a_time() -> None:
    levels = [int(name[1]) for name in Read(write(ALLOWED, judged=(JUDGED,))).names if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_no_text_of_a_client_changes_the_elements() -> None:
    texts = [text for text in HOSTILE if text != "\ud800"]  # Of which no line makes a record.
    plain = write(*(denied("POST /containers/web/kill", f"why {index}") for index in range(len(texts))))
    hostile = write(
        *(
            denied("POST /containers/web/kill", text)._replace(method=text, target=f"/containers/{index}{text}/kill")
            for index, text in enumerate(texts)
        )
    )
    few = {name: count for name, count in Counter(Read(plain).names).items() if name not in {"tr", "th", "td", "code"}}
    assert few == {name: Counter(Read(hostile).names)[name] for name in few}
    assert Read(hostile).names.count("script") == 0
    assert hostile.isascii()
    assert len(hostile) < len(plain) + 100_000
