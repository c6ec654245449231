"""What is remembered about heads, and what is not."""

import gc

import pytest
from policy.policies import grant_on, policy_with
from proxy.ends import Records

from dockerproxy.advice.questions import propose
from dockerproxy.config.environment import read_environment
from dockerproxy.observe.journal import Journal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge_object
from dockerproxy.policy.model import Mode
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.phases import Judged, NeedsLookup, Verdict
from dockerproxy.proxy.scheduling import Tasks
from dockerproxy.proxy.sockets import Shared, SocketState
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.learning import Learner

LOG = Records()
SHARED = Shared((), Tasks(LOG), LOG, float, propose)


def served(**environment: str) -> SocketState:
    return state_of(read_environment(environment).settings.sockets[0])


def state_of(settings: SocketSettings) -> SocketState:
    return SocketState(settings, Journal(settings), SHARED)


def head(number: int, *fields: str) -> bytes:
    return "\r\n".join([f"GET /_ping?n={number} HTTP/1.1", "Host: x", *fields, "", ""]).encode()


def test_the_same_bytes_get_the_same_answer_without_being_judged_again() -> None:
    socket = served()
    first = socket.judge(head(1))
    assert isinstance(first, Judged)
    assert socket.judge(head(1)) is first


def test_credentials_are_not_kept() -> None:
    socket = served()
    for field in ("X-Registry-Auth: secret", "X-Registry-Config: secret", "Authorization: secret", "Cookie: secret"):
        assert socket.judge(head(1, field)) is not socket.judge(head(1, field))
    secret = b"POST /images/create?fromImage=app&authconfig=c2VjcmV0 HTTP/1.1\r\nHost: x\r\n\r\n"
    assert socket.judge(secret) is not socket.judge(secret)


def test_what_is_remembered_is_bounded() -> None:
    socket = served()
    for number in range(5000):
        socket.judge(head(number))
    socket.judge(head(0, "X: " + "y" * 100_000))
    gc.collect()
    assert sum(isinstance(kept, Judged) for kept in gc.get_objects()) < 2000


def test_a_head_with_many_parts_is_not_kept() -> None:
    """Each of them takes more memory than its bytes."""
    for long in (head(1, *["X: 1"] * 40), head(1).replace(b"n=1", b"n=1" + b"&a" * 40)):
        socket = served()
        assert socket.judge(long) is not socket.judge(long)


def with_policy(policy: CompiledPolicy) -> SocketSettings:
    return read_environment({}).settings.sockets[0]._replace(policy=policy)


def test_a_lookup_is_remembered_and_never_what_came_of_it() -> None:
    socket = state_of(with_policy(policy_with(grant_on("ContainerStart", "web"))))
    start = b"POST /containers/w/start HTTP/1.1\r\nHost: x\r\n\r\n"
    first = socket.judge(start)
    assert isinstance(first, NeedsLookup)
    decided = judge_object(first, ResolvedObject("9" * 64, ("web",), subject="9" * 64))
    assert isinstance(decided, Verdict)
    assert decided.passes
    assert socket.judge(start) is first


def test_what_was_judged_is_judged_anew_under_another_policy() -> None:
    socket = served()
    first = socket.judge(head(1))
    assert isinstance(first, Verdict)
    socket.replace(with_policy(policy_with()))
    again = socket.judge(head(1))
    assert isinstance(again, Verdict)
    assert (first.decision.allowed, again.decision.allowed) == (True, False)


@pytest.mark.parametrize(
    ("mode", "remark"),
    [
        (Mode.ENFORCE, ""),
        (Mode.REPORT, "the mode of the socket docker is report: it denies nothing"),
        (Mode.LEARN, "the mode of the socket docker is learn: it denies nothing"),
    ],
)
def test_a_socket_that_refuses_nothing_says_so(mode: Mode, remark: str) -> None:
    socket = state_of(with_policy(policy_with(mode=mode)))
    assert (socket.remark, socket.refuses_nothing) == (remark, mode is not Mode.ENFORCE)


def test_the_journal_follows_the_settings_of_its_socket() -> None:
    settings = with_policy(policy_with(mode=Mode.LEARN))
    journal = Journal(settings, Learner)
    socket = SocketState(settings, journal, SHARED)
    assert journal.learner is not None
    socket.replace(with_policy(policy_with()))
    assert journal.learner is None
