"""The HTML report on the activity of clients in a log, and on the exposures of their policies.

All text, of clients and of the operator, goes through `markup`.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from dockerproxy.api.catalog import HEALTH, OPERATIONS
from dockerproxy.observe.record import Outcome
from dockerproxy.version import VERSION
from dockerproxy.workbench.activity import EARLIER, OTHERS, Activity, Client, Done
from dockerproxy.workbench.markup import Html, element, join
from dockerproxy.workbench.page import Cell, listing, paragraph, section, table, write_page

_TITLE: Final = "Dockerproxy report"
_SHOWN: Final = 20
"""Objects and denials that are listed for each client."""

_OUTCOMES: Final = {Outcome.REPORTED: "passed, would be denied", Outcome.DENIED: "denied", Outcome.REFUSED: "refused"}
_ORDER: Final = (*OPERATIONS, HEALTH.name, "")


class Judged(NamedTuple):
    """The verdicts and exposures of a socket's policy."""

    name: str
    root: str
    exposures: Sequence[str]
    summary: str


class Source(NamedTuple):
    """The sources of a report: paths of logs and of a policy file, and the count of unreadable lines."""

    logs: Sequence[str]
    policy: str
    unreadable: int


def write_report(activity: Activity, judged: Sequence[Judged], source: Source) -> str:
    """Write the report as HTML."""
    header = element("header", element("h1", _TITLE), paragraph(f"{' to '.join(map(_say_time, activity.span))} UTC"))
    main = element("main", *_show_sections(activity, judged), id="main", tabindex=-1)
    return write_page(_TITLE, header, main, element("footer", *_show_source(source)))


def _show_sections(activity: Activity, judged: Sequence[Judged]) -> Iterator[Html]:
    yield section("Overview", "overview", *_show_overview(activity))
    policies = {each.name: each for each in judged}
    used = {client.socket for client in activity.clients if client != OTHERS}
    for index, name in enumerate(sorted(used | policies.keys()), 1):
        parts = list(_show_policy(policies[name])) if name in policies else []
        clients = sorted(client for client in activity.clients if client.socket == name and client != OTHERS)
        parts += [part for client in clients for part in _show_client(client, activity.clients[client])]
        if not clients:
            parts.append(paragraph("No request to this socket is recorded."))
        yield section(f"Socket {name}", f"socket-{index}", *parts)
    if OTHERS in activity.clients:
        yield section("Other clients", "others", *_show_client(OTHERS, activity.clients[OTHERS]))


def _show_overview(activity: Activity) -> Iterator[Html]:
    days = activity.days
    rows: list[Sequence[Cell]] = [
        (
            "earlier" if day == EARLIER else day.isoformat(),
            *(days[outcome][day] for outcome in (Outcome.ALLOWED, *_OUTCOMES)),
        )
        for day in sorted(set().union(*days.values()))
    ]
    yield table("Requests by day", ("Day", "Allowed", "Reported", "Denied", "Refused"), rows)
    yield paragraph(
        "Reported: the policy does not allow it, and it passed, because the socket reports or learns. "
        "Denied: the policy does not allow it. Refused: malformed, ambiguous or over a limit. "
        "Not allowed, below, is any of these."
    )


def _show_policy(judged: Judged) -> Iterator[Html]:
    yield element("h3", "What its policy exposes")
    yield paragraph(f"{judged.root}.")
    yield paragraph(f"{judged.summary}.")
    if judged.exposures:
        yield element("h4", "What you may not expect")
        yield listing(judged.exposures)


def _show_client(client: Client, done: Done) -> Iterator[Html]:
    user = f"Client with uid {client.uid}, gid {client.gid}"
    yield element("h3", "Too many to tell apart" if client == OTHERS else user)
    yield paragraph(
        f"{_count(done.tally.count, 'request')}, {done.tally.stopped:,} of them not allowed, from "
        f"{_say_time(done.tally.first)} to {_say_time(done.tally.last)}."
    )
    uses = [(name, done.uses[name]) for name in _ORDER if name in done.uses]
    operations: list[Sequence[Cell]] = [
        (_name_operation(name), use.total(), use.total() - use[Outcome.ALLOWED]) for name, use in uses
    ]
    yield table("Operations", ("Operation", "Requests", "Not allowed"), operations)
    yield from _show_denials(done)
    yield from _show_things(done)


def _show_denials(done: Done) -> Iterator[Html]:
    rows: list[Sequence[Cell]] = []
    for denial, tally in done.denials.list_most(_SHOWN):
        example = element("code", tally.example, class_="long")
        what = join(_name_operation(denial.operation), element("br"), element("span", _OUTCOMES[denial.outcome]))
        rows.append((what, tally.count, example, denial.reason, _say_time(tally.last)))
    if rows:
        heads = ("Operation", "Requests", "One of them", "Why, and what would allow it", "Last")
        yield table("Not allowed", heads, rows, "name n long long when")
        yield from _say_rest(done.denials.count_rest(_SHOWN), "for other reasons")


def _show_things(done: Done) -> Iterator[Html]:
    rows: list[Sequence[Cell]] = [
        (element("code", thing.name), thing.kind, tally.count, tally.changes, tally.stopped, _say_time(tally.last))
        for thing, tally in done.things.list_most(_SHOWN)
    ]
    if rows:
        heads = ("Object", "Among", "Requests", "Changes", "Not allowed", "Last")
        yield table("Objects touched", heads, rows, "name - n n n when")
        yield from _say_rest(done.things.count_rest(_SHOWN), "about other objects")


def _show_source(source: Source) -> Iterator[Html]:
    parts = ["Made by dockerproxy ", VERSION, " from ", ", ".join(source.logs)]
    parts += [" and ", source.policy] if source.policy else []
    yield paragraph(*parts, ".")
    if source.unreadable:
        yield paragraph(f"Ignored {_count(source.unreadable, 'line')} with no valid record.")


def _say_rest(count: int, which: str) -> Iterator[Html]:
    if count:
        yield paragraph(f"And {_count(count, 'more request')} {which}.")


def _name_operation(name: str) -> str:
    return name or "unknown operation"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _say_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
