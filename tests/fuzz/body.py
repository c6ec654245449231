"""Bodies in JSON against the table of their operation: what goes on was understood, and is read alike by others.

The first line of an input is that of a transcript in `tests/corpus/bodies`: an operation, a query, and what a grant
says. The rest is the body.
"""

import json
from decimal import Decimal
from typing import Final

from api.paths import path_of
from fuzz.engine import settle
from fuzz.grants import read_grant
from fuzz.messages import check_message, check_refusal
from fuzz.tables import find_flaws, find_twins
from policy.inspecting import conditions_of, inspect
from wire.heads import head_of

from dockerproxy.advice.needs import claims_of, leave_out_restrictions
from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS, UNKNOWN
from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.decide import judge_claims
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Mode
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.wire.document import Json, read_json, write_json
from dockerproxy.wire.head import END_OF_HEAD

_VERSIONS: Final = {False: "/v1.47", True: "/v5.0.0"}
"""Of Docker's API, and of Podman's."""


def read(data: bytes) -> object:
    """Read a body, and decide about its request."""
    return _send(data, Mode.ENFORCE)


def check(data: bytes) -> None:
    """Check what becomes of a body."""
    _check_reading(data.partition(b"\n")[2])
    sent = _send(data, Mode.ENFORCE)
    if sent is not None:
        policy, judged = sent
        if isinstance(judged, Refusal):
            check_refusal(judged)
        else:
            assert judged.passes is judged.decision.allowed is bool(judged.to_engine)
            check_message(judged.decision)
            _check_again(policy, judged)
    learned = _send(data, Mode.LEARN)
    if learned is not None and isinstance(learned[1], Verdict):
        _check_learned(learned[1])


def _check_reading(content: bytes) -> None:
    """Python's own reader takes for the same whatever is read, and whatever is written of it."""
    document = read_json(content)
    if isinstance(document, Refusal):
        check_refusal(document)
        return
    written = write_json(document)
    again = read_json(written)
    assert again == document == _read_plainly(content) == _read_plainly(written)
    assert repr(again) == repr(document), "a number has changed its type"
    assert write_json(document) == written
    assert _read_exactly(content) == _read_exactly(written), "a number has changed"


def _read_plainly(content: bytes) -> Json:
    return json.loads(content, object_pairs_hook=_refuse_twins)  # type: ignore[no-any-return] # what JSON can say


def _read_exactly(content: bytes) -> object:
    return json.loads(content, parse_float=Decimal, parse_int=Decimal)


def _refuse_twins(pairs: list[tuple[str, Json]]) -> Json:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def _send(data: bytes, mode: Mode) -> tuple[CompiledPolicy, Verdict | Refusal] | None:
    """Send what an input says; None if it says no request that waits for its body."""
    line, _, content = data.partition(b"\n")
    first, brace, bounds = line.decode(errors="replace").partition("{")
    name, _, query = first.strip().partition(" ")
    policy = read_grant(name, brace + bounds, mode) if name in BODIES else None
    if policy is None or not query.isascii():
        return None
    operation = OPERATIONS[name]
    target = _VERSIONS[operation.section.startswith("libpod/")] + path_of(operation) + query.strip()
    return policy, _judge(policy, f"{operation.method} {target}".encode(), content)


def _judge(policy: CompiledPolicy, asked: bytes, content: bytes) -> Verdict | Refusal:
    head = head_of(
        "Content-Type: application/json", f"Content-Length: {len(content)}", line=f"{asked.decode()} HTTP/1.1"
    )
    judged = judge(policy, head)
    return settle(judged, content)


def _check_again(policy: CompiledPolicy, judged: Verdict) -> None:
    """What goes on would be judged the same, and go on the same; Python's own reader finds in it what was decided."""
    if not judged.passes or judged.body is None:
        return
    head, _, content = judged.to_engine.partition(END_OF_HEAD)
    again = _judge(policy, b" ".join(head.split(b" ", 2)[:2]), content)
    assert isinstance(again, Verdict), again
    assert again.to_engine.partition(END_OF_HEAD)[2] == content, again.decision
    assert again.to_engine.split(b" ", 2)[:2] == judged.to_engine.split(b" ", 2)[:2]
    if content:
        _check_reading(content)
        assert content == write_json(_read_plainly(content))
        _check_table(judged, content)
    assert again.decision._replace(query={}) == judged.decision._replace(query={})


def _check_table(judged: Verdict, content: bytes) -> None:
    """What goes on is as the table of its operation has it, and what came said nothing twice."""
    assert judged.operation is not UNKNOWN
    root = BODIES[judged.operation.name].root
    if judged.decision.content is not None:
        assert not list(find_flaws(root, _read_plainly(content)))
        assert not list(find_twins(root, _read_plainly(judged.body or b"null")))


def _check_learned(judged: Verdict) -> None:
    """A grant that says what was found to be needed lets the request pass."""
    if judged.needs is None or UNRESTRICTED.word in judged.needs:
        return
    needs = leave_out_restrictions(judged.operation, judged.needs)
    listed = {word: value for word, value in needs.items() if value}
    inspected = inspect(BODIES[judged.operation.name], listed, judged.request, judged.known)
    assert not inspected.faults, inspected.faults
    recorded = claims_of(judged.operation, judged.needs)
    assert not judge_claims(conditions_of(listed), recorded).faults
