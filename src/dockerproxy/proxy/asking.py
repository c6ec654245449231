"""A denied request that a person may allow: held until somebody has answered, then judged again with one grant more.

Nothing of it goes to the engine before; what asks the engine meanwhile are lookups of the proxy's own. If nobody allows
it, it is answered as it would have been at once.

Attack: many requests that wait -> Defence: `proxy/control` bounds their number and time for each socket
(test: test_no_more_than_so_many_wait_for_an_answer).
Attack: a client that goes while it is asked about -> Defence: the question is withdrawn
(test: test_a_client_that_goes_withdraws_its_question).
Attack: a policy that is reloaded while somebody thinks -> Defence: what was allowed is judged under the policy that the
request came under; what lasts longer is a grant beside the policy of the socket, whatever that is then
(test: test_a_reload_ends_what_was_allowed_always).
"""

from dataclasses import replace
from functools import partial
from http import HTTPStatus
from secrets import token_hex
from typing import TYPE_CHECKING, Final

from dockerproxy.policy.asking import (
    Question,
    explain,
    extend,
    find_conflict,
    find_mounts,
    find_question,
    find_stream,
    forget,
    may_ask,
    read_whole,
)
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge_again
from dockerproxy.policy.model import Grant
from dockerproxy.policy.nesting import Mount
from dockerproxy.policy.phases import Judged, NeedsBody, NeedsLookup, Verdict
from dockerproxy.proxy.endings import Ending, is_skippable
from dockerproxy.wire.exchange import Signal, State, step

if TYPE_CHECKING:
    from dockerproxy.proxy.control import Answer

MOST_GRANTS: Final = 256
"""Answers that are remembered for a connection or a socket."""


_UNDECIDED: Final = "nobody decided: "


class Granted:
    """What a person has allowed for as long as a connection or a socket lasts.

    Attributes:
        mounts: Paths of the host that answers allowed on a socket. Their containers may outlast every policy.
    """

    def __init__(self) -> None:
        self.mounts: tuple[Mount, ...] = ()
        self._grants: tuple[Grant, ...] = ()
        self._base: CompiledPolicy | None = None
        self._extended: CompiledPolicy | None = None

    def add(self, grant: Grant) -> None:
        """Allow something more."""
        self._grants = (*self._grants, grant)[-MOST_GRANTS:]
        self._base = None

    def clear(self) -> None:
        """Allow nothing more; what is mounted already stays known."""
        self._grants, self._base, self._extended = (), None, None

    def find(self, policy: CompiledPolicy) -> CompiledPolicy | None:
        """Return a policy with all of it, if there is any."""
        if self._base is not policy and self._grants:
            self._base, self._extended = policy, extend(policy, self._grants)
        return self._extended if self._grants else None


class Asked:
    """A denied request on its way to an answer, which is this denial unless somebody allows it."""

    def __init__(self, policy: CompiledPolicy, denied: Verdict, granted: tuple[Granted, ...]) -> None:
        """`granted` is what was allowed on the connection, and then on the socket."""
        self.policy = policy
        self._of_socket = granted[-1]
        self.denied = denied
        self._others = [each for each in (one.find(policy) for one in granted) if each is not None]
        self._looked_up: set[str] = set()
        self._is_read = self.is_over = False

    def proceed(self, verdict: Verdict) -> tuple[CompiledPolicy, NeedsLookup | Verdict] | Question | str:
        """Return by which policy it goes on, what a person is asked, or why nobody is, where that must be said."""
        if self.is_over or verdict.decision.status != HTTPStatus.FORBIDDEN:
            return ""
        whole = verdict if self._is_read else read_whole(verdict)
        if isinstance(whole, str):
            return _UNDECIDED + whole
        self._is_read, verdict = True, whole
        while self._others:
            policy = self._others.pop()
            judged = judge_again(policy, verdict, forget(verdict), token_hex(16))
            if isinstance(judged, NeedsLookup) or judged.passes:
                return policy, judged
        question = find_question(self.policy, verdict)
        if isinstance(question, NeedsLookup):
            is_known = question.lookup.target in self._looked_up  # If so, the engine does not say.
            self._looked_up.add(question.lookup.target)
            return "" if is_known else (self.policy, question)
        if question is not None and (why := self.find_conflict(self.policy, find_mounts(question.verdict))):
            return why
        return question or ""

    def find_conflict(self, policy: CompiledPolicy, mounts: tuple[Mount, ...]) -> str:
        """Say why no answer can allow to mount some paths beside a policy; empty if one can."""
        return find_conflict(policy, mounts, self._of_socket.mounts)


class Asking(Ending):
    """An exchange whose request a person may allow."""

    _asked: Asked | None = None
    _policy: CompiledPolicy

    def _is_asked(self, verdict: Verdict) -> bool:
        """Have a person decide about a denied request; return False if nobody is asked."""
        if self._asked is None:
            policy = self._policy if self.state is State.HELD else self.socket.policy
            if not may_ask(policy, verdict):
                return False
            if stream := find_stream(verdict):
                self._deny(verdict, verdict, why=_UNDECIDED + stream)
                return True
            self._asked = Asked(policy, verdict, (self._client.granted, self.socket.granted))
        self._hold()
        if not verdict.is_whole:
            self._collect(verdict)
            return True
        match self._asked.proceed(verdict):
            case Question() as question:
                self.judged = question.verdict
                self._client.ask(question, partial(self._take_answer, self._asked, question))
            case (policy, judged):
                self._policy = policy
                self._follow(judged)
            case why:
                self._deny(verdict, self._asked.denied, why=why)
        return True

    def _take_answer(self, asked: Asked, question: Question, answer: "Answer") -> None:
        if not self.is_held:
            return
        asked.is_over = True
        mounts = find_mounts(question.verdict) if answer.allows else ()
        # Another answer may have come meanwhile, or another policy.
        conflict = asked.find_conflict(asked.policy, mounts) or asked.find_conflict(self.socket.policy, mounts)
        if answer.allows and not conflict:
            self.socket.granted.mounts = tuple(dict.fromkeys((*self.socket.granted.mounts, *mounts)))
            if question.is_bounded and answer.word != "once":
                lasting = self.socket if answer.word == "always" else self._client
                lasting.granted.add(question.grant(answer.source, lasts=True))
            self._policy = extend(asked.policy, (question.grant(answer.source, lasts=False),))
            verdict = question.verdict
            self._follow(judge_again(self._policy, verdict, forget(verdict), token_hex(16)))
        else:
            why = conflict or (answer.why and _UNDECIDED + answer.why)
            self._deny(question.verdict, asked.denied, answer.source, why)
        self._client.go_on()

    def _deny(self, verdict: Verdict, denied: Verdict, source: str = "", why: str = "") -> None:
        """Answer as if nobody had been asked, and say why it was not or could not be allowed."""
        decision = replace(denied.decision, source=source or denied.decision.source)
        decision = explain(decision, why) if why else decision
        head = denied.head if is_skippable(denied) else replace(denied.head, close=True)
        self.judged = replace(verdict, head=head, decision=decision)
        self.turn_away(self.judged, decision.status, decision.message, decision.reason)

    def _hold(self) -> None:
        """Wait to be judged by the policy that the socket has now, if the request does not wait already."""
        if self.state is State.IDLE:
            self._policy = self.socket.policy
            self.state = step(self.state, Signal.HOLD)

    def _collect(self, judged: NeedsBody | Verdict) -> None:
        raise NotImplementedError

    def _follow(self, judged: Judged) -> None:
        raise NotImplementedError
