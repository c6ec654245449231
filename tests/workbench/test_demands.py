"""What a grant demands of every request, the line that is proposed beside it demands, too."""

import pytest
from cli.files import sockets_of
from workbench.bearings import change, changes, try_body

DEMANDS = """\
sockets:
  ci:
    path: FOLDER/ci.sock
    allow:
      - ContainerUpdate: {cpus: 2, pids: 50}
      - ContainerCreate: {user: not-root, pids: 50}
"""


@pytest.mark.parametrize(
    ("target", "body", "expected"),
    [
        (
            "/containers/web/update",
            {"CpuPeriod": 10},
            [
                (
                    'no line in "allow" of socket "ci" in policy.yaml keeps the conditions of the grant and'
                    ' allows this: only a grant without condition "cpus" allows it'
                )
            ],
        ),
        (
            "/containers/create?name=x",
            {"Image": "a", "User": "0", "HostConfig": {"PidsLimit": 40}},
            [
                (
                    'to allow it, replace ContainerCreate (policy.yaml:6) in "allow" of socket "ci" in policy.yaml'
                    " by this line:"
                ),
                '- ContainerCreate: {user: any, pids: "50"}',
            ],
        ),
    ],
)
def test_a_proposed_line_demands_what_the_grant_demands(target: str, body: object, expected: list[str]) -> None:
    tried = try_body(DEMANDS, "POST", target, body)
    assert changes(sockets_of(DEMANDS)["ci"], tried) == expected


def test_the_line_beside_a_preset_narrows_nothing_that_the_preset_grants() -> None:
    text = "sockets:\n  ci:\n    path: /ci.sock\n    allow:\n      - preset:testcontainers\n"
    asked = ("POST", "/containers/create?name=x", {"Image": "alpine", "HostConfig": {"Binds": ["/srv:/x"]}})
    said = changes(sockets_of(text)["ci"], try_body(text, *asked))
    assert said[0] == 'to allow it, add this line to "allow" of socket "ci" in policy.yaml:'
    assert try_body(change(text, said), *asked).decision.allowed
    assert try_body(change(text, said), "POST", "/containers/create?name=y", {"Image": "db"}).decision.allowed
