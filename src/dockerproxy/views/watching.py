"""Streams of JSON lines, of which a client may not see all: events, and what a wait ends with.

A client gets the events about objects that it may see, without what its socket hides. Each object is looked up once,
when the first event about it comes, and judged as if the client had named it; unless the event itself rules it out, so
that a busy engine is not asked about the containers of others by everyone who watches.

Attacks: docs/attacks.md, views/watching.
"""

from collections.abc import Generator
from http import HTTPStatus
from typing import Final

from dockerproxy.policy.objects import Kind, ask
from dockerproxy.policy.phases import Plan, Verdict
from dockerproxy.policy.stamps import RESERVED
from dockerproxy.policy.steps import Find, Open, Scene, Stream, UnknownObjectError
from dockerproxy.policy.subtrees import is_ours
from dockerproxy.views.answers import edit
from dockerproxy.views.events import Event, is_of_before, may_be_of_before, read_event, rules_out
from dockerproxy.views.hiding import hide_line
from dockerproxy.views.lists import EVENTS, admits

_KNOWN: Final = 4096
"""Objects of which it is known whether the client may see them; the oldest is forgotten first."""

_SEPARATOR: Final = b"\x1e"
"""In front of each line, if the client asks for `application/json-seq` (RFC 7464), as that of Docker 29 does."""

_Finding = Generator[Find, object, bool]


def watch(verdict: Verdict, _scene: Scene) -> Plan:
    """Pass on what of a stream a client may see."""
    answer = yield from Open(verdict.to_engine, waits=verdict.operation.name not in EVENTS)
    if answer is None:
        return Stream(_Watch(verdict).show, is_plain=bool(verdict.hides))
    if answer.status == HTTPStatus.OK and verdict.decision.shows:
        raise UnknownObjectError("the engine's events are no stream")
    return (yield from edit(verdict, answer))


class _Watch:
    """Says which events a client may see."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict
        self._shown: dict[tuple[str, str], bool] = {}

    def show(self, line: bytes) -> Generator[Find, object, bytes]:
        """Return what the client may see of a line; nothing if that is nothing."""
        before, line = line[: line.startswith(_SEPARATOR)], line.removeprefix(_SEPARATOR)
        verdict, event = self._verdict, read_event(line) if RESERVED.encode() in line else None
        if event is not None and event.kind is Kind.VOLUME and is_ours(event.id):
            return b""
        if verdict.decision.shows and not (yield from self._is_shown(line)):
            return b""
        left = hide_line(verdict.operation, verdict.hides, line) if verdict.hides else line
        return before + left if left else b""

    def _is_shown(self, line: bytes) -> _Finding:
        """Whether the client may see the object of an event."""
        event = read_event(line)
        if event is None:
            return False
        key = event.kind, event.id
        shown = self._shown.pop(key, None)
        if shown is None or (event.kind is Kind.VOLUME and not event.is_last):
            shown = yield from self._find(event)
        if not event.is_last:
            self._shown[key] = shown
            if len(self._shown) > _KNOWN:
                del self._shown[next(iter(self._shown))]
        return shown

    def _find(self, event: Event) -> _Finding:
        shows = self._verdict.decision.shows
        if rules_out(shows, event):
            return False
        try:
            found = user = yield from self._ask(event.kind, event.id)
            if found is not None and may_be_of_before(event, found):
                user = yield from self._ask(Kind.CONTAINER, event.container)
        except UnknownObjectError:
            return False
        if found is None or user is None or is_of_before(event, found):
            return False
        return any(admits(conditions, found) and admits(conditions, user) for conditions in shows)

    def _ask(self, kind: Kind, name: str) -> Find:
        """Return what finds an object as the engine has it now."""
        return Find(ask(kind, name, self._verdict.request.version, self._verdict.operation))
