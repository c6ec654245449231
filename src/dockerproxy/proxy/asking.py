"""A denied request that a person may allow: held until somebody has answered, then judged again with one grant more.

Nothing of it goes to the engine before; what asks the engine meanwhile are lookups of the proxy's own. If nobody allows
it, it is answered as it would have been at once.

Attack: many requests that wait -> Defence: `proxy/control` bounds their number and time for each socket
(test: test_no_more_than_so_many_wait_for_an_answer).
Attack: a client that goes while it is asked about -> Defence: the question is withdrawn
(test: test_a_client_that_goes_withdraws_its_question).
Attack: a policy that is reloaded while a person decides -> Defence: the request is judged under the policy that it came
under, and its mounts must not nest with those of the new one
(test: test_a_mount_that_nests_with_a_policy_that_came_meanwhile_is_refused).
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
from dockerproxy.policy.nesting import Mount
from dockerproxy.policy.phases import Judged, NeedsBody, NeedsLookup, Verdict
from dockerproxy.proxy.endings import Ending, is_skippable
from dockerproxy.wire.exchange import Signal, State, step

if TYPE_CHECKING:
    from dockerproxy.proxy.control import Answer

_UNDECIDED: Final = "nobody decided: "


class Asked:
    """A denied request on its way to an answer, which is this denial unless a person allows it."""

    def __init__(self, policy: CompiledPolicy, denied: Verdict) -> None:
        self.policy = policy
        self.denied = denied
        self._looked_up: set[str] = set()
        self._is_read = self.is_over = False

    def proceed(self, verdict: Verdict, mounts: tuple[Mount, ...]) -> NeedsLookup | Question | str:
        """Return what a person is asked, or must be known before, or why nobody is asked, where that must be said.

        `mounts` are those that were allowed before.
        """
        if self.is_over or verdict.decision.status != HTTPStatus.FORBIDDEN:
            return ""
        whole = verdict if self._is_read else read_whole(verdict)
        if isinstance(whole, str):
            return _UNDECIDED + whole
        self._is_read = True
        question = find_question(self.policy, whole)
        if isinstance(question, NeedsLookup):
            is_known = question.lookup.target in self._looked_up  # If so, the engine does not say.
            self._looked_up.add(question.lookup.target)
            return "" if is_known else question
        if question is None:
            return ""
        return find_conflict(self.policy, find_mounts(question), mounts) or question


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
            self._asked = Asked(policy, verdict)
        self._hold()
        if not verdict.is_whole:
            self._collect(verdict)
            return True
        match self._asked.proceed(verdict, self.socket.approved_mounts):
            case Question() as question:
                self.judged = question.verdict
                self._client.ask(question, partial(self._take_answer, self._asked, question))
            case NeedsLookup() as waiting:
                self._follow(waiting)
            case why:
                self._deny(verdict, self._asked.denied, why=why)
        return True

    def _take_answer(self, asked: Asked, question: Question, answer: "Answer") -> None:
        if not self.is_held:
            return
        asked.is_over = True
        mounts = find_mounts(question) if answer.allows else ()
        # Another answer may have come meanwhile, or another policy.
        conflict = find_conflict(self.socket.policy, mounts, self.socket.approved_mounts)
        if answer.allows and not conflict:
            self.socket.approved_mounts = tuple(dict.fromkeys((*self.socket.approved_mounts, *mounts)))
            self._policy = extend(asked.policy, (question.grant(answer.source),))
            verdict = question.verdict
            self._follow(judge_again(self._policy, verdict, forget(verdict), token_hex(16)))
        elif answer.by is None or conflict:
            self._deny(question.verdict, asked.denied, answer.source, conflict or _UNDECIDED + answer.why)
        else:
            denied = asked.denied.decision
            message = f"{question.verdict.operation.name} denied: a person denied it"
            denied = replace(denied, message=message, reason=denied.reason or denied.message)
            self._deny(question.verdict, replace(asked.denied, decision=denied), answer.source)
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
