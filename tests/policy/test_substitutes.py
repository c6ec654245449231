"""What a grant puts in the place of a client's text stands where that text was read."""

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given
from workbench.requests import OPERATIONS_WITH_CONDITIONS, Asked, requests

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.errors import Refusal
from dockerproxy.policy.claim import Known
from dockerproxy.policy.decide import substitute
from dockerproxy.policy.reader import read_request
from dockerproxy.wire.document import Json, read_json

MARK = "put by the grant"
WITH_BODIES = tuple(operation for operation in OPERATIONS_WITH_CONDITIONS if operation.name in BODIES)


def find_marks(value: Json, path: str = "") -> Iterator[str]:
    """Yield the paths at which the mark stands, with the steps of fields and lists only."""
    if value == MARK:
        yield path
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from find_marks(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from find_marks(item, f"{path}[{number}]")


@given(requests(WITH_BODIES))
def test_what_is_put_in_stands_where_its_claim_was_read_and_nowhere_else(asked: Asked) -> None:
    request = canonicalise(asked.operation.method, asked.target)
    content = read_json(asked.content) if asked.content else None
    if not isinstance(request, CanonicalRequest) or isinstance(content, Refusal):
        return
    body, known = BODIES[asked.operation.name], Known(body=(content,))
    before = read_request(body, request, known)
    for target in {claim.target for claim in before.claims if claim.target}:
        read = replace(before)
        query = substitute(read, {target: MARK})
        marked = {*find_marks(read.content), *(f"?{name}" for name, values in query.items() if MARK in values)}
        assert marked == {target}
    again = read_request(body, request, known)
    assert (before.content, before.query, before.violations) == (again.content, again.query, again.violations)
    found, again_found = ([(claim.path, claim.shown) for claim in each.claims] for each in (before, again))
    assert found == again_found
