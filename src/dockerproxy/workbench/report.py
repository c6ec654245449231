"""The report: what the clients of a log did, and what their policies expose, as one page.

What is a client's, and what is the operator's, goes through `markup` alike.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from dockerproxy.api.catalog import HEALTH, OPERATIONS
from dockerproxy.observe.record import Outcome
from dockerproxy.version import VERSION
from dockerproxy.workbench.activity import OTHERS, Activity, Client, Done, Use
from dockerproxy.workbench.markup import Html, element, join, link
from dockerproxy.workbench.page import Cell, Figure, bar, code, figures, listing, paragraph, section, table, write_page
from dockerproxy.workbench.periods import Periods
from dockerproxy.workbench.units import write_duration

_TITLE: Final = "Dockerproxy report"
_SHOWN: Final = 20
"""Objects, and denials, of a client that are listed."""

_MOST_COLUMNS: Final = 10
"""Clients in the matrix."""

_DARKEST: Final = 4
_QUANTILES: Final = (0.5, 0.95, 0.99)
_OUTCOMES: Final = {
    Outcome.REPORTED: "passed, would be denied",
    Outcome.DENIED: "denied",
    Outcome.REFUSED: "refused",
}
_ORDER: Final = (*OPERATIONS, HEALTH.name, "")


class Judged(NamedTuple):
    """What there is to say of a socket's policy: who becomes root, and what it exposes."""

    name: str
    root: str
    exposures: Sequence[str]
    summary: str


class Source(NamedTuple):
    """Of what a report is made: paths of logs and of a policy file, and the lines that were not read."""

    logs: Sequence[str]
    policy: str
    unreadable: int


def write_report(activity: Activity, judged: Sequence[Judged], source: Source) -> str:
    """Write the page."""
    return write_page(_TITLE, *_Report(activity, judged, source).build())


class _Report:
    def __init__(self, activity: Activity, judged: Sequence[Judged], source: Source) -> None:
        self._activity = activity
        self._judged = {each.name: each for each in judged}
        self._source = source
        self._periods = Periods(set().union(*activity.days.values()))
        used = {client.socket for client in activity.clients if client != OTHERS}
        self._sockets = sorted(used | self._judged.keys())
        self._sockets += [""] if OTHERS in activity.clients else []
        self._clients = sorted(activity.clients, key=lambda each: (each == OTHERS, each))

    def build(self) -> Iterator[Html]:
        span = f"{' to '.join(map(_say_time, self._activity.span))} UTC"
        contents = [("overview", "Overview"), ("matrix", "Clients and operations")]
        contents += [(f"socket-{index}", _name_socket(name)) for index, name in enumerate(self._sockets, 1)]
        links = (element("li", link(*each)) for each in contents)
        yield element(
            "header",
            element("h1", _TITLE),
            paragraph(span),
            element("nav", element("ul", *links), aria_label="Contents"),
        )
        sockets = (self._show_socket(f"socket-{index}", name) for index, name in enumerate(self._sockets, 1))
        yield element("main", self._show_overview(), self._show_matrix(), *sockets, id="main", tabindex=-1)
        yield element("footer", *self._show_source())

    def _show_overview(self) -> Html:
        days = self._activity.days
        columns = [self._periods.spread(days[outcome]) for outcome in (Outcome.ALLOWED, *_OUTCOMES)]
        counts = list(zip(self._periods.labels, *columns, strict=True))
        largest = max(sum(numbers) for _, *numbers in counts)
        rows: list[Sequence[Cell]] = [
            (label, sum(numbers), *numbers[1:], bar(sum(numbers) / largest, sum(numbers[1:]) / largest))
            for label, *numbers in counts
        ]
        heads = (self._periods.unit.capitalize(), "Requests", "Reported", "Denied", "Refused", "Compared")
        numbers = [(each.value, days[each].total()) for each in (Outcome.ALLOWED, *_OUTCOMES)]
        return section(
            "Overview",
            "overview",
            figures([("requests", sum(number for _, number in numbers)), *numbers]),
            table(f"Requests by {self._periods.unit}", heads, rows),
            paragraph(
                "Reported: the policy does not allow it, and it passed, because the socket reports or learns. "
                "Denied: the policy does not allow it. Refused: malformed, ambiguous or over a limit. "
                "Not allowed, below, is any of these.",
                faint=True,
            ),
        )

    def _show_matrix(self) -> Html:
        clients = sorted(self._clients, key=lambda each: -self._activity.clients[each].tally.count)
        shown = [each for each in self._clients if each in clients[:_MOST_COLUMNS]]
        dones = [self._activity.clients[client] for client in shown]
        names = [name for name in _ORDER if any(name in done.uses for done in dones)]
        largest = max((use.count for done in dones for use in done.uses.values()), default=1)
        rows: list[Sequence[Cell]] = [
            (_name_operation(name), *(_show_use(done.uses.get(name), largest) for done in dones)) for name in names
        ]
        parts = [table("Requests by operation and client", ("Operation", *map(_name_client, shown)), rows)]
        if len(clients) > len(shown):
            parts.append(paragraph(f"And {_count(len(clients) - len(shown), 'client')} with fewer requests."))
        return section("Clients and operations", "matrix", *parts)

    def _show_socket(self, name: str, socket: str) -> Html:
        parts = list(self._show_policy(self._judged[socket])) if socket in self._judged else []
        clients = [client for client in self._clients if client.socket == socket]
        if not clients:
            parts.append(paragraph("No request to this socket is recorded."))
        for client in clients:
            parts += self._show_client(client, self._activity.clients[client])
        return section(_name_socket(socket), name, *parts)

    def _show_policy(self, judged: Judged) -> Iterator[Html]:
        yield element("h3", "What its policy exposes")
        yield paragraph(f"{judged.root}.")
        yield paragraph(f"{judged.summary}.")
        if judged.exposures:
            yield element("h4", "What you may not expect")
            yield listing(judged.exposures)

    def _show_client(self, client: Client, done: Done) -> Iterator[Html]:
        user = f"Client with uid {client.uid}, gid {client.gid}"
        yield element("h3", "Too many to tell apart" if client == OTHERS else user)
        yield paragraph(
            f"{_count(done.tally.count, 'request')}, {done.tally.stopped:,} of them not allowed, from "
            f"{_say_time(done.tally.first)} to {_say_time(done.tally.last)}."
        )
        uses = [(name, done.uses[name]) for name in _ORDER if name in done.uses]
        spread = [(name, use.count, self._periods.spread(use.days)) for name, use in uses]
        largest = max(max(counts) for _, _, counts in spread)
        yield table(
            f"Operations by {self._periods.unit}",
            ("Operation", "All", *self._periods.labels),
            [
                (_name_operation(name), count, *(Figure(each, heat=_shade(each, largest)) for each in counts))
                for name, count, counts in spread
            ],
        )
        yield from _show_denials(done)
        yield from _show_things(done)
        yield from _show_durations(uses)

    def _show_source(self) -> Iterator[Html]:
        parts = ["Made by dockerproxy ", VERSION, " from ", ", ".join(self._source.logs)]
        parts += [" and ", self._source.policy] if self._source.policy else []
        yield paragraph(*parts, ".")
        if self._source.unreadable:
            yield paragraph(f"Ignored {_count(self._source.unreadable, 'line')} with no valid record.")


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
        (code(thing.name), thing.kind, tally.count, tally.changes, tally.stopped, _say_time(tally.last))
        for thing, tally in done.things.list_most(_SHOWN)
    ]
    if rows:
        heads = ("Object", "Among", "Requests", "Changes", "Not allowed", "Last")
        yield table("Objects touched", heads, rows, "name - n n n when")
        yield from _say_rest(done.things.count_rest(_SHOWN), "about other objects")


def _show_durations(uses: Sequence[tuple[str, Use]]) -> Iterator[Html]:
    rows: list[Sequence[Cell]] = [
        (_name_operation(name), *map(write_duration, (*map(use.durations.quantile, _QUANTILES), use.durations.longest)))
        for name, use in uses
        if use.durations.longest
    ]
    if rows:
        yield table("Time to answer", ("Operation", "Median", "95 %", "99 %", "Longest"), rows, "- n n n n")


def _show_use(use: Use | None, largest: int) -> Figure:
    if use is None:
        return Figure(0)
    return Figure(use.count, f"{use.stopped:,} not allowed" if use.stopped else "", _shade(use.count, largest))


def _say_rest(count: int, which: str) -> Iterator[Html]:
    if count:
        yield paragraph(f"And {_count(count, 'more request')} {which}.", faint=True)


def _shade(count: int, largest: int) -> int:
    """Return how dark a number is; small ones differ, too."""
    return math.ceil(_DARKEST * math.sqrt(count / largest))


def _name_socket(name: str) -> str:
    return f"Socket {name}" if name else "Other clients"


def _name_client(client: Client) -> Html | str:
    user = f" uid {client.uid}, gid {client.gid}"
    return "others" if client == OTHERS else join(client.socket, element("br"), user)


def _name_operation(name: str) -> str:
    return name or "unknown operation"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _say_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
