"""Generate the smallest policy that allows the requests in a log.

  dockerproxy suggest proxy.log
  docker compose logs dockerproxy | dockerproxy suggest -
  dockerproxy suggest --policy policy.yaml --socket backup proxy.log

It prints a policy file. With --policy, it prints what to add to that socket, and which grants are unused. Denied
requests count too, so review the policy before you use it.

The log can be in either format and needs LOG_LEVEL=info or debug. Logs of other proxies work too: Tecnativa's,
LinuxServer's, and wollomatic's at level debug.

With --interactive, you decide about each grant, the most dangerous first: allow it, narrow it, deny it for good, or
skip it. At the end it shows the changes, and writes them to the policy file if you confirm.

exit status: 0 success, 1 ended without writing, 2 usage or configuration error
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from dockerproxy.api.catalog import BUILD_TUNNELS, OPERATIONS
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.cli.arguments import add_socket_argument, choose_socket
from dockerproxy.cli.dialogue import Edited
from dockerproxy.cli.dialogue import decide as decide_each
from dockerproxy.cli.lines import HOW_TO_RECORD, NOTHING_RECORDED, read_lines, tell_unreadable
from dockerproxy.cli.terminal import say, show_policy
from dockerproxy.config.document import read_file
from dockerproxy.config.environment import DEFAULT_SOCKET
from dockerproxy.config.files import STDIN
from dockerproxy.config.grants import Line
from dockerproxy.config.groups import PRESET
from dockerproxy.config.policy_file import NAME, read_policy, read_policy_file
from dockerproxy.config.values import DEFAULT_PERMISSIONS
from dockerproxy.observe.record import MAX_TARGET, Outcome, Record
from dockerproxy.policy.claim import Known
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.decide import Wanted, decide, is_allowed, judge_claims, reading_of_head
from dockerproxy.policy.nesting import list_mounts
from dockerproxy.policy.objects import OWN, Lookup
from dockerproxy.policy.values import list_names
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.own import own_by
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import SocketSettings
from dockerproxy.text import escape, shorten_ids
from dockerproxy.workbench.edits import read_lines as read_allowed
from dockerproxy.workbench.learned import (
    LearnedGrant,
    LearnedSocket,
    write_grants,
    write_impossible,
    write_openings,
    write_policy,
)
from dockerproxy.workbench.learning import Learner, find_contained
from dockerproxy.workbench.needs import Need, find_named, find_need, is_absent
from dockerproxy.workbench.other_logs import read_other
from dockerproxy.workbench.owned import Owned
from dockerproxy.workbench.presets import LIBPOD, needs_podman
from dockerproxy.workbench.proposals import NOTHING, complete, list_proposals
from dockerproxy.workbench.reading import Records
from dockerproxy.workbench.reasons import split_reason
from dockerproxy.workbench.trying import find_recorded_faults, judge_recorded

_MOST_SOCKETS: Final = 256
"""Sockets in one log. Each has a learner in memory."""

_CREATED: Final = str(Condition(own_by(""), value=True))
"""How denials call the condition on what clients created."""

_SHOWN: Final = 200
"""Characters of a request that are shown."""

_MOST_REASONS: Final = 3
"""Reasons that are shown for the denials of an operation."""

_REMARK: Final = "A log does not say where a socket is: its path is a guess."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the logs, and the policy to compare them with."""
    parser.add_argument("logs", metavar="FILE", nargs="+", help="a log of the proxy; - is standard input")
    parser.add_argument(
        "--policy", metavar="FILE", help="a policy file: show what to add to it, and which grants are unused"
    )
    parser.add_argument(
        "--interactive", action="store_true", help="decide about each grant, and write the file of --policy"
    )
    parser.add_argument(
        "--at-most", metavar="FILE", help="a policy file: with --interactive, reject changes not proven within it"
    )
    add_socket_argument(parser)


def run(options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print a policy file, or the grants that one lacks, or ask about them."""
    if options.interactive:
        return _ask(options)
    if options.at_most is not None:
        raise UserError(Problem("--at-most", "bounds what --interactive writes", "use both, or neither"))
    if options.policy is None:
        names = None if options.socket is None else {options.socket}
        learners = _learn(_read(options.logs, names))
        show_policy(write_policy([learners[name].learned() for name in sorted(learners)], _REMARK))
        return 0
    socket = choose_socket(read_policy_file(options.policy).sockets, options.socket)
    missing = _find_missing(socket, options.logs)
    lines = read_allowed(read_file(options.policy), options.policy)[socket.name]
    show_policy("\n".join((*missing.describe(options.policy), *missing.list_unused(lines, options.policy))))
    return 0


def _ask(options: argparse.Namespace) -> int:
    if options.policy is None or STDIN in options.logs:
        hint = "pass --policy, and the log as a file: answers come from standard input"
        raise UserError(Problem("--interactive", "needs a policy file and standard input", hint))
    text = read_file(options.policy)
    socket = choose_socket(read_policy(text, options.policy).sockets, options.socket)
    missing = _find_missing(socket, options.logs)
    learned = missing.learned()
    proposals = list_proposals(
        socket.policy, (grant for grant in learned.grants if not missing.denies(grant.operation))
    )
    if not proposals:
        say("nothing to decide")
        return 0
    most = (
        None
        if options.at_most is None
        else choose_socket(read_policy_file(options.at_most).sockets, socket.name, "--at-most")
    )
    return decide_each(Edited(options.policy, text, socket, most), proposals, missing.examples)


def _learn(records: Iterable[tuple[Record, float]]) -> dict[str, Learner]:
    learners: dict[str, Learner] = {}
    for record, when in records:
        learner = learners.get(record.socket)
        if learner is None:
            settings = SocketSettings(
                name=record.socket,
                path=DEFAULT_SOCKET if record.socket == "docker" else f"/proxied/{record.socket}/docker.sock",
                permissions=DEFAULT_PERMISSIONS,
                uid=None,
                gid=None,
                policy=NOTHING,
            )
            learner = learners[record.socket] = Learner(settings)
        learner.note(record, when)
    return learners


def _find_missing(socket: SocketSettings, logs: list[str]) -> "Missing":
    missing = Missing(socket)
    for record, when in _read(logs, {socket.name}):
        missing.note(record, when)
    return missing


class Missing:
    """What a socket's policy lacks to allow all noted requests."""

    def __init__(self, socket: SocketSettings) -> None:
        self._name = socket.name
        self._policy = socket.policy
        self._undenied = compile_policy(socket.policy.policy._replace(denials=()))
        self._denied = {name for denial in socket.policy.policy.denials for name in denial.operations}
        self._denials: Counter[str] = Counter()
        self._by_body = Counter[str]()
        self._reasons: dict[str, dict[str, None]] = {}
        self._learner = Learner(socket, demands=True)
        self._owned = Owned()
        self._broken: dict[str, set[str]] = {}
        self._used: set[str] = set()
        self.examples: dict[str, str] = {}

    def learned(self) -> LearnedSocket:
        """Return the missing grants, as far as the log shows them.

        Requests that were denied for an unrecorded body are left out. A line without the demands of the grant on
        bodies would be wider than the grant, and might still not be enough.
        """
        policy = self._policy.policy
        learned = self._learner.learned(list_mounts(policy.grants, policy.places))
        told = (grant for grant in learned.grants if not self._is_by_body(grant))
        broken = self._broken
        return learned._replace(
            grants=tuple(complete(self._policy, grant, broken.get(grant.operation, set())) for grant in told)
        )

    def _is_by_body(self, grant: LearnedGrant) -> bool:
        return self._by_body[grant.operation] == grant.count

    def denies(self, name: str) -> bool:
        """Whether a denial overrides every grant of an operation."""
        return name in self._denied

    def note(self, record: Record, when: float) -> bool:
        """Note a request, and what the policy lacks to allow it.

        Returns whether it lacks nothing, because an earlier request created the object.
        """
        if record.decision in {Outcome.ALLOWED, Outcome.REPORTED}:
            self._used.add(record.operation)
        need = find_need(record)
        if isinstance(need, Need):
            name = need.operation.name
            if name in self._denied:
                self._denials[name] += 1
            is_own = self._owned.owns(record, need)
            self._owned.note(record, need)
            if _allows(self._undenied, need, record, of_others=not is_own and _is_of_others(record)):
                return is_own
            self._broken.setdefault(name, set()).update(_find_broken(self._policy, record))
            named = f" of {record.object}" if record.object else ""
            if record.reason and _is_denied_by_body(self._undenied, record):
                self._by_body[name] += 1
                reasons = self._reasons.setdefault(name, {})
                if len(reasons) < _MOST_REASONS:
                    reasons[shorten_ids(escape(record.reason))] = None
            self.examples.setdefault(name, shorten_ids(escape(f"{record.method} {record.target}{named}"))[:_SHOWN])
        self._learner.note(record, when)
        return False

    def describe(self, file: str) -> Iterator[str]:
        """Yield the changes: lines to paste, and comments."""
        learned, untold = self.learned(), list(self.list_untold())
        if not learned.grants and not self._denials and not untold:
            yield "nothing to add"
        if learned.grants:
            yield f"# Add to `allow` of socket {self._name} in {file}:"
            yield from write_openings(learned)
            yield from write_grants(learned.grants)
        yield from untold
        if self._denials:
            yield f"# Remove from `deny` of socket {self._name} in {file}, which overrides every grant:"
        for name in (name for name in OPERATIONS if name in self._denials):
            _, advice = split_reason(self._policy.deny(name).message)
            yield f"# {self._denials[name]}  {name}: {advice}"
        yield from write_impossible(learned)

    def list_untold(self) -> Iterator[str]:
        """Yield comments about denials for unrecorded bodies, for which no line can be proposed."""
        for grant in filter(self._is_by_body, self._learner.learned().grants):
            yield f"# {grant.count}  {grant.operation}: denied for the body, which is not in the log; reasons:"
            yield from (f"#   {reason}" for reason in self._reasons[grant.operation])

    def list_unused(self, lines: Iterable[Line], file: str) -> Iterator[str]:
        """Yield comments about lines with operations that no passed request in the log used.

        `own` is left out, because its clients need all of it sooner or later. For a preset, which cannot be narrowed,
        the operations are only counted.
        """
        unshown = frozenset() if needs_podman(self._policy) or self._used & LIBPOD else LIBPOD
        heading = f"# Not used in this log, by line of socket {self._name} in {file}:"
        for line in lines:
            names = line.operations - unshown
            granted = [name for name in OPERATIONS if name in names and self._policy.allows(name)]
            unused = [name for name in granted if name not in self._used]
            if not unused or line.word == OWN:
                continue
            yield from filter(None, (heading,))
            heading = ""
            is_preset = line.word.startswith(PRESET)
            which = f"{len(unused)} of {len(granted)} operations" if is_preset else ", ".join(unused)
            yield f"# {line.place.line}  {line.word}{'' if unused == granted else f': {which}'}"


def _is_of_others(record: Record) -> bool:
    """Whether a request was denied because its client had not created the object."""
    wrong, _ = split_reason(record.reason)
    return wrong.startswith(f"{record.operation} denied: only allowed if ") and _CREATED in wrong


def _allows(policy: CompiledPolicy, need: Need, record: Record, *, of_others: bool) -> bool:
    """Whether a policy allows a recorded request, or gives the same answer as the engine."""
    if record.operation in BUILD_TUNNELS:
        return policy.reads_builds or policy.allows(record.operation)
    policy = judge_recorded(policy, need.operation, record.body, trusting=record.decision is Outcome.ALLOWED)
    request = canonicalise(record.method, record.target)
    if not isinstance(request, CanonicalRequest) or len(record.target) >= MAX_TARGET:
        return any(not case.conditions for case in policy.cases[need.operation.name])
    lookup = decide(policy, request)
    if isinstance(lookup, Lookup) and is_absent(lookup, record):
        return True
    found = find_named(request, record)
    if found is not None and of_others:
        found = replace(found, belongs_to="")
    return is_allowed(decide(policy, request, Known(found=found)))


def _find_broken(policy: CompiledPolicy, record: Record) -> Iterator[str]:
    """Yield the conditions of a contained grant that a recorded request breaks."""
    case, request = find_contained(policy, record.operation), canonicalise(record.method, record.target)
    if case is not None and isinstance(request, CanonicalRequest) and record.body is not None:
        claims = reading_of_head(request, Known(found=find_named(request, record))).claims
        faults = judge_claims(case.by_word, claims).faults
        faults += find_recorded_faults(case, request.operation, record.body)
        yield from (fault.word for fault in faults if fault.word)


def _is_denied_by_body(policy: CompiledPolicy, record: Record) -> bool:
    """Whether a request was denied for its body, and the body is not recorded."""
    request = canonicalise(record.method, record.target)
    if record.decision is not Outcome.DENIED or record.body is not None or not isinstance(request, CanonicalRequest):
        return False
    return decide(policy, request, Known(found=find_named(request, record))) is Wanted.BODY


def _read(logs: list[str], names: set[str] | None) -> Iterator[tuple[Record, float]]:
    reading = Records(read_lines(logs), read_other)
    others: set[str] = set()
    known: set[str] = set()
    found = False
    for record, when in reading:
        known |= {record.socket} if len(known) < _MOST_SOCKETS and NAME.fullmatch(record.socket) else set()
        if record.socket not in known:
            reading.unreadable += 1
        elif names is None or record.socket in names:
            found = True
            yield record, when
        else:
            others.add(record.socket)
    where = ", ".join("standard input" if log == STDIN else log for log in logs)
    if not found and others:
        what = f"has no request to {list_names(sorted(names or ()))}"
        raise UserError(Problem(where, what, f"it has requests to {list_names(sorted(others), 'and')}"))
    if not found:
        raise UserError(Problem(where, NOTHING_RECORDED, HOW_TO_RECORD))
    tell_unreadable(where, reading.unreadable)
