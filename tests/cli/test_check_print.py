"""What `check --print` prints is the policy file that the environment means, and nothing else."""

from cli.programs import run
from policy.policies import allowed_by, policy_of

from dockerproxy.config.policy_file import read_policy

CONVERTED = """\
# Replaces PROXIED_SOCKET_PATH, PROXIED_SOCKET_GID, POST, CONTAINERS, EVENTS, LIBPOD_PING, LIBPOD_VERSION and
#   ALLOW_LOGS: unset them when you use this file. LOG_FORMAT and MAX_CONNECTIONS stay in the environment.

engine: /docker/docker.sock

sockets:
  docker:
    path: /run/proxied.sock
    permissions: "0660"
    group: 1000
    allow:
      - ping:read
      - ContainerList
      # a client lists any host directory if the engine is experimental
      - CheckpointList
      # a client reads any file of any container, including volumes and bind mounts
      - ContainerArchive
"""

BUILDER = "POST /containers/create?name=buildx_buildkit_default"
"""Only the switches keep buildx from it, where containers may be of any kind."""


def test_the_file_is_printed_so_that_it_can_be_read_and_used() -> None:
    variables = {"CONTAINERS": "1", "POST": "1", "EVENTS": "0", "LIBPOD_PING": "0", "LIBPOD_VERSION": "0"}
    elsewhere = {"PROXIED_SOCKET_PATH": "/run/proxied.sock", "PROXIED_SOCKET_GID": "1000", "ALLOW_LOGS": "0"}
    kept = {"LOG_FORMAT": "json", "MAX_CONNECTIONS": "9", "DOCKER_SOCKET_PATH": "/docker/docker.sock"}
    done = run("check", "--print", **variables, **elsewhere, **kept)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(CONVERTED)
    assert "\n      - ContainerCreate: unrestricted\n" in done.out
    (served,) = read_policy(done.out, "policy.yaml").sockets
    assert allowed_by(served.policy) - {BUILDER} == allowed_by(policy_of(**variables, ALLOW_LOGS="0"))


def test_what_does_nothing_is_told_beside_the_file() -> None:
    done = run("check", "--print", CONTAINER="1")
    assert done.status == 0
    assert read_policy(done.out, "policy.yaml").sockets
    assert done.err == "warning: environment variable CONTAINER: unknown setting\n    did you mean CONTAINERS?\n"


def test_a_mistake_is_told_and_nothing_is_printed() -> None:
    done = run("check", "--print", CONTAINERS="yess")
    assert (done.status, done.out) == (2, "")
    assert done.err == "environment variable CONTAINERS: invalid value 'yess'\n    use 0 or 1\n"


def test_the_switches_are_converted_even_where_a_file_is_to_take_their_place_already() -> None:
    assert run("check", "--print", CONTAINERS="1", POLICY_FILE="/nonexistent/policy.yaml") == run(
        "check", "--print", CONTAINERS="1"
    )


def test_a_policy_file_or_a_report_is_not_printed() -> None:
    for words in (("--policy", "policy.yaml"), ("--format", "junit")):
        done = run("check", "--print", *words)
        assert (done.status, done.out) == (2, "")
        assert done.err == "--print: prints the environment\n    remove --policy and --format\n"
