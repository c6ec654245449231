"""A constraint is found by its file, and speaks of the fields that it names."""

import json

import jsonschema
import pytest
from policy.policies import policy_with
from wire.heads import head_of

from dockerproxy.api.bodies.tables import LINES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.config.schema import make_schema
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.registry import CONSTRAINTS, READS
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Grant
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.values import write_grant
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.problems import UserError

EMPTY = ["addresses", "changes", "credentials", "extra_hosts", "options"]


def document_of(operation: str, word: str) -> object:
    return {"sockets": {"ci": {"path": "/run/ci.sock", "allow": [{operation: {word: []}}]}}}


def operation_of(word: str) -> str:
    """Return an operation that bears a word."""
    return next(name for name, operation in OPERATIONS.items() if word in find_words(operation))


@pytest.mark.parametrize("word", EMPTY)
def test_a_list_that_may_be_empty_means_none(word: str) -> None:
    operation = operation_of(word)
    document = document_of(operation, word)
    (socket,) = read_policy(json.dumps(document), "p").sockets
    (grant,) = socket.policy.policy.grants
    assert grant.conditions == (Condition(CONSTRAINTS[word], ()),)
    assert str(grant.conditions[0]) == f"{word} are none"
    assert write_grant(operation, {word: ()}) == f"{operation}: {{{word}: []}}"
    jsonschema.validate(document, make_schema())


def test_other_lists_are_not_empty() -> None:
    assert sorted(name for name, constraint in CONSTRAINTS.items() if constraint.may_be_empty) == EMPTY
    document = document_of("ContainerCreate", "binds")
    with pytest.raises(UserError, match="empty list"):
        read_policy(json.dumps(document), "p")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, make_schema())


def test_each_field_that_a_word_reads_is_one_of_a_table_or_of_the_head_of_a_read() -> None:
    for operation, field in READS:
        if operation not in BODIES:
            assert (field[:1], OPERATIONS[operation].access) == ("#", "read")
            continue
        (line,) = (each for each in BODIES[operation].fields if each.path == field)
        assert line.rule.rstrip("!") == f"{operation}:{field}"
        assert field in {each.path for each in LINES[operation][1]}


def test_fields_of_the_head_are_judged() -> None:
    grant = Grant(
        frozenset({"ImagePush"}),
        "p",
        (
            Condition(CONSTRAINTS["images"], ("ghcr.io/a/*:*",)),
            Condition(CONSTRAINTS["credentials"], ("docker.io",)),
        ),
    )
    line = "POST /images/ghcr.io/a/b/push?tag=1 HTTP/1.1"
    allowed = judge(policy_with(grant), head_of(line=line))
    denied = judge(policy_with(grant), head_of("X-REGISTRY-auth: eyJ1c2VybmFtZSI6InUifQ==", line=line))
    assert isinstance(allowed, Verdict)
    assert allowed.passes
    assert isinstance(denied, Verdict)
    assert not denied.passes
    assert 'credentials for "ghcr.io"' in denied.decision.message
