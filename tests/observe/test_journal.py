"""What the exchanges of a socket leave, as its mode says."""

import pytest
from policy.policies import grant_on, policy_with

from dockerproxy.config.environment import read_environment
from dockerproxy.observe.journal import Journal
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Mode
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.learning import Learner


def record(decision: Outcome) -> Record:
    return Record("docker", Peer(1, 2, 3), "GET", "/info", "SystemInfo", "", decision, "", "", 200, 0, 9, 0.1)


def with_policy(policy: CompiledPolicy) -> SocketSettings:
    return read_environment({}).settings.sockets[0]._replace(policy=policy)


@pytest.mark.parametrize(("mode", "learns"), [(Mode.ENFORCE, False), (Mode.REPORT, False), (Mode.LEARN, True)])
def test_only_a_socket_that_learns_has_a_learner(mode: Mode, *, learns: bool) -> None:
    assert (Journal(with_policy(policy_with(mode=mode)), Learner).learner is not None) is learns


def test_what_would_have_been_refused_is_counted_by_operation() -> None:
    journal = Journal(with_policy(policy_with(mode=Mode.REPORT)))
    for decision in (Outcome.REPORTED, Outcome.ALLOWED, Outcome.REPORTED):
        journal.note(record(decision))
    assert journal.reported == {"SystemInfo": 2}
    assert journal.learner is None


def test_what_is_used_is_learned_and_not_counted_as_what_would_be_refused() -> None:
    journal = Journal(with_policy(policy_with(mode=Mode.LEARN)), Learner)
    journal.note(record(Outcome.REPORTED))
    assert not journal.reported
    assert journal.learner is not None
    assert "SystemInfo" in journal.learner.text()


def test_a_socket_that_goes_on_learning_keeps_what_it_learned() -> None:
    journal = Journal(with_policy(policy_with(mode=Mode.LEARN)), Learner)
    learner = journal.learner
    journal.replace(with_policy(policy_with(grant_on("SystemInfo"), mode=Mode.LEARN)))
    assert journal.learner is learner
    journal.replace(with_policy(policy_with()))
    assert journal.learner is None


def test_the_ids_of_a_socket_say_nothing_of_another() -> None:
    one, other = (Journal(read_environment({}).settings.sockets[0]) for _ in range(2))
    first = one.next_id()
    assert [other.next_id() for _ in range(5)][-1].endswith("-04")
    assert one.next_id() == f"{first[:-2]}01"
