"""A denied request that a person may allow: held until the answer, then judged again with an additional grant.

Until then, the engine gets nothing of it; only the proxy's own lookups go to the engine. Without permission, the client
gets the original denial.

Attacks: docs/attacks.md, proxy/asking.
"""

from dataclasses import replace
from http import HTTPStatus
from typing import Final

from dockerproxy.policy import asking
from dockerproxy.policy.asking import Propose, Question
from dockerproxy.policy.compile import CompiledPolicy, extend
from dockerproxy.policy.model import Source
from dockerproxy.policy.nesting import Mount
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.proxy.answering import is_skippable
from dockerproxy.proxy.control import Answer

_UNDECIDED: Final = "not decided: "


class Asked:
    """A denied request on its way to an answer: the denial, unless a person allows the request."""

    def __init__(self, denied: Verdict, propose: Propose) -> None:
        self._propose = propose
        self._denied = denied
        self._looked_up: set[str] = set()
        self._is_over = not asking.may_ask(denied)
        self._is_read = False

    def proceed(self, verdict: Verdict, mounts: tuple[Mount, ...]) -> NeedsLookup | Question | Verdict | None:
        """Return the next step: a question, a lookup, the denial, or None to wait for the body.

        `mounts` are the mounts that earlier answers allowed.
        """
        if self._is_over or verdict.decision.status != HTTPStatus.FORBIDDEN:
            return self._deny(verdict)
        whole: Verdict | str = asking.find_stream(verdict)
        if not whole and not verdict.is_whole:
            return None
        whole = whole or (verdict if self._is_read else asking.read_whole(verdict))
        if isinstance(whole, str):
            return self._deny(verdict, why=_UNDECIDED + whole)
        self._is_read = True
        question = asking.find_question(whole, self._propose)
        if isinstance(question, NeedsLookup) and question.lookup.target not in self._looked_up:
            self._looked_up.add(question.lookup.target)
            return question
        if not isinstance(question, Question):  # There is no question, or a lookup failed.
            return self._deny(verdict, why=_UNDECIDED + question if isinstance(question, str) and question else "")
        conflict = asking.find_conflict(self._denied.policy, asking.find_mounts(question), mounts)
        return self._deny(verdict, why=conflict) if conflict else question

    def take(
        self, question: Question, answer: Answer, policy: CompiledPolicy, before: tuple[Mount, ...]
    ) -> Verdict | tuple[CompiledPolicy, tuple[Mount, ...]]:
        """Return the denial, or the policy for judging the request again, and all mounts that answers have allowed.

        `policy` and `before` are the socket's current ones, which may have changed since the question.
        """
        self._is_over = True
        mounts = asking.find_mounts(question) if answer.allows else ()
        conflict = asking.find_conflict(policy, mounts, before)
        if answer.allows and not conflict:
            extended = extend(self._denied.policy, question.grant(answer.source))
            return extended, tuple(dict.fromkeys((*before, *mounts)))
        if answer.by is None or conflict:
            return self._deny(question.verdict, answer.source, conflict or _UNDECIDED + answer.why)
        self._denied = replace(self._denied, decision=asking.deny_by_person(self._denied.decision))
        return self._deny(question.verdict, answer.source)

    def _deny(self, verdict: Verdict, source: Source | None = None, why: str = "") -> Verdict:
        """Return the denial, with the reason why no person allowed the request."""
        denied = self._denied
        decision = denied.decision._replace(sources=(source,) if source is not None else denied.decision.sources)
        decision = asking.explain(decision, why) if why else decision
        head = denied.head if is_skippable(denied) else denied.head._replace(close=True)
        return replace(verdict, head=head, decision=decision)
