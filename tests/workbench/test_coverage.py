"""A line of a policy is exercised by an expectation that it decides."""

import pytest

from dockerproxy.config.policy_file import read_policy
from dockerproxy.workbench.coverage import find_coverage
from dockerproxy.workbench.expectations import Reader

POLICY = """\
sockets:
  a:
    path: /x/a.sock
    allow:
      - ContainerRestart: {containers: [web]}
      - 'containers:read: {containers: ["*"]}'
      - ContainerCreate
    deny: [ContainerExport]
  b: {path: /x/b.sock, allow: &b [ContainerList]}
  c: {path: /x/c.sock, allow: *b}
""".replace("'", "")


def uncovered(*expectations: str) -> list[int]:
    """Return the lines of the policy that no expectation exercises."""
    sockets = read_policy(POLICY, "p.yaml").sockets
    reader = Reader(sockets, None)
    reader.read("\n".join(expectations), "e.txt")
    assert not reader.problems
    found = find_coverage(sockets, POLICY, "p.yaml", reader.expectations)
    return [each.line.place.line for each in found if not each.is_exercised]


@pytest.mark.parametrize(
    ("expectations", "left"),
    [
        (["socket a", "allow POST /containers/web/restart"], [6, 7, 8, 9]),
        (["socket a", "deny POST /containers/db/restart"], [5, 6, 7, 8, 9]),
        (["socket a", "allow GET /containers/x/json", "deny GET /containers/x/export"], [5, 7, 9]),
        (["socket a", "allow GET /containers/x/export"], [5, 6, 7, 9]),
        (["socket a", 'allow POST /containers/create {"Image": "a"}'], [5, 6, 8, 9]),
        (["socket a", "allow POST /containers/create", "deny GET /../x", "deny GET /x"], [5, 6, 7, 8, 9]),
        (["socket c", "allow GET /containers/json"], [5, 6, 7, 8]),
    ],
)
def test_a_line_is_exercised_by_what_it_decides(expectations: list[str], left: list[int]) -> None:
    assert uncovered(*expectations) == left
