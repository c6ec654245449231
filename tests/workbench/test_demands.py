"""What a grant demands of every request, the line that is proposed beside it demands, too."""

import pytest
from cli.files import sockets_of
from workbench.bearings import changes, try_body

DEMANDS = """\
sockets:
  ci:
    path: FOLDER/ci.sock
    allow:
      - ContainerUpdateLibpod: {memory: 100MiB, pids: 50}
      - ContainerCreate: {user: not-root, pids: 50}
"""


@pytest.mark.parametrize(
    ("target", "body", "expected"),
    [
        (
            "/libpod/containers/web/update",
            {"pids": {"limit": 4}},
            [
                (
                    "no line in allow of the socket ci in policy.yaml meets the demands of the grant and allows this:"
                    " the grant demands it by memory"
                )
            ],
        ),
        (
            "/containers/create?name=x",
            {"Image": "a", "User": "0", "HostConfig": {"PidsLimit": 40}},
            [
                "this line in allow of the socket ci in policy.yaml would allow it:",
                (
                    "- ContainerCreate: {buildx_builders: none, names: [x], networks: [default],"
                    ' images: [docker.io/library/a:latest], user: any, pids: "50"}'
                ),
            ],
        ),
    ],
)
def test_a_proposed_line_demands_what_the_grant_demands(target: str, body: object, expected: list[str]) -> None:
    tried = try_body(DEMANDS, "POST", target, body)
    assert changes(sockets_of(DEMANDS)["ci"], tried) == expected
