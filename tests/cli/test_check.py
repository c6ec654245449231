"""What `check` says is what `serve` would do."""

import os
import re

from cli.files import POLICY, policy_in
from cli.programs import NOWHERE, engine_at, run, run_here, serving
from folders import short_folder
from policy.policies import policy_of
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.presets import PRESETS
from dockerproxy.host.sandbox import foresee
from dockerproxy.workbench.exposures import describe_exposures
from dockerproxy.workbench.presets import without_libpod


def parts_of(**variables: str) -> list[str]:
    """Return what is said of parts of sections that are on by default."""
    lines = run("check", DOCKER_SOCKET_PATH=NOWHERE, **variables).out.splitlines()
    begin = next((number for number, line in enumerate(lines) if line.startswith("parts ")), len(lines))
    return [line.removeprefix("parts").strip() for line in lines[begin : begin + 2]]


def test_parts_that_linuxservers_image_closes_are_named_with_what_closes_them() -> None:
    assert parts_of() == parts_of(ALLOW="ContainerLogs") == []
    said, closing = parts_of(CONTAINERS="1", POST="1", ALLOW_LOGS="1")
    assert "also the writes PutContainerArchive;" in said
    assert closing == "ALLOW_ARCHIVE=0 ALLOW_CHANGES=0 ALLOW_EXPORT=0 ALLOW_TOP=0"
    assert parts_of(CONTAINERS="1", POST="1", ALLOW_LOGS="1", **dict(each.split("=") for each in closing.split())) == []


SETTINGS = {
    "CONTAINERS": "1",
    "PING": "0",
    "ALLOW": "ContainerStart",
    "MAX_CONNECTIONS": "7",
    "HEADER_TIMEOUT": "2.5",
    "PROXIED_SOCKET_MODE": "0600",
    "PROXIED_SOCKET_GID": str(os.getegid()),
    "SHUTDOWN_GRACE": "3",
    "LOG_LEVEL": "err",
    "LOG_FORMAT": "json",
    "SANDBOX": "off",
}


@for_each("words", [(), ("--all",)])
def test_it_says_what_is_configured_and_what_that_allows(words: tuple[str, ...]) -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        done = run(
            "check",
            *words,
            PROXIED_SOCKET_PATH=f"{folder}/docker.sock",
            DOCKER_SOCKET_PATH=f"{folder}/engine.sock",
            **SETTINGS,
        )
        assert list(folder.iterdir()) == [folder / "engine.sock"]
        assert (done.status, done.err) == (0, "")
        verdict, settings, allowed, exposures, *more = done.out.split("\n\n")
    assert more == ([] if words else [MORE])
    assert verdict.splitlines() == [
        "root on the host: no",
        (
            "reads secrets: yes, by ContainerArchive of CONTAINERS=1:"
            " it reads any file of any container, including volumes and bind mounts"
        ),
        "others' objects: changes them, by ContainerStart of ALLOW",
    ]
    rest = ("grace ", "log ", "health ")
    assert settings.splitlines() == [
        line
        for line in (
            f"engine    {folder}/engine.sock, which accepts connections",
            f"socket    {folder}/docker.sock, mode 0600, uid {os.geteuid()}, gid {os.getegid()}",
            "limits    connections 7, header_timeout 2.5s, the rest are defaults",
            "grace     3s to finish",
            "log       json from err on",
            "sandbox   off: the process is not sandboxed",
            "health    the image runs `dockerproxy healthcheck`: remove yours, there is no wget or curl",
            "switches  CONTAINERS=1 PING=0 ALLOW=ContainerStart",
            "parts     on by default, unlike in LinuxServer's image since 2026-08-18; this removes them:",
            "          ALLOW_ARCHIVE=0 ALLOW_CHANGES=0 ALLOW_EXPORT=0 ALLOW_LOGS=0 ALLOW_TOP=0",
        )
        if words or not line.startswith(rest)
    ]
    lines = allowed.splitlines()
    assert lines[0] == "allowed"
    of_podman = ["libpod/_ping", "libpod/version"] if words else []
    assert [line.split()[0] for line in lines[1:]] == ["containers", "events", "version", *of_podman]
    policy = policy_of(CONTAINERS="1", PING="0", ALLOW="ContainerStart")
    section = [name for name, operation in OPERATIONS.items() if operation.section == "containers"]
    opened = [name for name in section if policy.allows(name)]
    assert lines[1].split(None, 4)[1:] == [str(len(opened)), "of", str(len(section)), ", ".join(opened)]
    described = describe_exposures(policy if words else without_libpod(policy))
    assert exposures == described + ("\n" if words else "")


VERSION = b'{"ApiVersion": "1.47", "Components": [{"Name": "%s Engine"}]}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
BOTH = """\
sockets: {a: {path: FOLDER/a.sock, allow: [ContainerList, ContainerListLibpod, QuadletInstallLibpod: unrestricted]}}
"""
"""Grants of both APIs, of which one is root on the host."""


@for_each(
    ("engine", "words", "root", "lists"),
    [
        ("Docker", (), "no", False),
        ("Podman", (), "yes", True),
        ("", (), "yes", True),
        ("Docker", ("--all",), "no", True),
    ],
)
def test_podmans_own_api_is_left_out_for_docker(
    engine: str,
    words: tuple[str, ...],
    root: str,
    lists: bool,  # noqa: FBT001
) -> None:
    """Nothing tells what an engine is that does not answer, but lines that only Podman could serve."""
    answer = VERSION % engine.encode()
    with policy_in(BOTH) as folder, engine_at(folder / "engine.sock", ANSWER % (len(answer), answer)):
        place = f"{folder}/engine.sock" if engine else NOWHERE
        out = run("check", "--policy", f"{folder}/policy.yaml", *words, DOCKER_SOCKET_PATH=place).out
    assert out.startswith(f"socket a\n  root on the host: {root}")
    assert ("ContainerListLibpod" in out) is lists
    assert ("\n  with Podman, root on the host: yes, by QuadletInstallLibpod" in out) is (engine == "Docker")


CHANGED = """\
sockets:
  ci:
    path: FOLDER/ci.sock
    allow:
      - preset:ci
      - ContainerCreate: {memory: 1GiB}
      - ContainerInspect
    deny: [ContainerTop]
"""


def test_of_a_preset_only_what_the_policy_changes_is_said() -> None:
    with policy_in(CHANGED) as folder:
        brief, full = (run("check", "--policy", f"{folder}/policy.yaml", *words).out for words in ((), ("--all",)))
    assert "\nallows    preset:ci: CI jobs, each with what it creates itself and nothing else\n" in brief
    allowed, denied, exposures, more = brief.split("\n\n")[-4:]
    assert [line.rpartition(" ")[2] for line in allowed.splitlines()[1:]] == [
        "ContainerInspect",
        "ContainerCreate",
        "ContainerUpdate",
    ]
    assert "memory" in allowed
    assert denied == "denied\n  ContainerTop"
    (exposed,) = exposures.splitlines()[1:-1]
    assert "environment, including passwords, by ContainerInspect (policy.yaml:7)" in exposed
    assert more == MORE
    assert "ContainerStop" in full
    assert len(full.splitlines()) > 2 * len(brief.splitlines())


def test_a_preset_alone_is_said_in_a_screen() -> None:
    for name in PRESETS:
        with policy_in(f"sockets: {{a: {{path: FOLDER/a.sock, allow: [preset:{name}]}}}}") as folder:
            out = run_here("check", "--policy", f"{folder}/policy.yaml").out
        assert len(out.splitlines()) <= 24, name
        assert "also allowed" not in out, name
        assert "  it " not in out, name


def test_an_engine_that_is_not_there_is_said_and_is_no_error() -> None:
    with short_folder() as folder:
        done = run("check", PROXIED_SOCKET_PATH=f"{folder}/docker.sock")
    assert done.status == 0
    assert f"\nengine    the engine's socket is not there: {NOWHERE}; is the path right" in done.out
    assert "switches  all default\n" in done.out


def test_a_client_that_may_ping_in_one_way_is_not_said_to_have_no_ping() -> None:
    with policy_in("sockets: {a: {path: FOLDER/a.sock, allow: [SystemPingHead]}}") as folder:
        assert "no ping" not in run("check", "--policy", f"{folder}/policy.yaml").out


def test_a_warning_is_said_last() -> None:
    with short_folder() as folder:
        done = run("check", PROXIED_SOCKET_PATH=f"{folder}/docker.sock", CONTAINER="1")
    assert done.status == 0
    assert done.out.endswith(
        "\nwarning: environment variable CONTAINER: unknown setting\n    did you mean CONTAINERS?\n"
    )


def test_what_would_keep_the_proxy_from_starting_is_an_error_after_what_the_policy_means() -> None:
    with short_folder() as folder:
        (folder / "docker.sock").write_text("")
        done = run("check", PROXIED_SOCKET_PATH=f"{folder}/docker.sock", CONTAINER="1")
        assert done.status == 2
        assert done.err == f"{folder}/docker.sock: exists and is not a socket\n    choose another path\n"
        assert "operations that read" in done.out  # What the policy means is the same on every machine.
        assert "warning: environment variable CONTAINER: unknown setting\n    did you mean CONTAINERS?\n" in done.out


def test_beside_the_running_proxy_it_says_that_the_socket_is_in_use_and_complains_of_nothing() -> None:
    with short_folder() as folder, serving(folder):
        done = run("check", PROXIED_SOCKET_PATH=f"{folder}/docker.sock")
    assert (done.status, done.err) == (0, "")
    assert (
        f"socket    {folder}/docker.sock, mode 0660, uid {os.geteuid()}, gid {os.getegid()}, in use now\n" in done.out
    )


def test_a_policy_file_is_said_socket_by_socket() -> None:
    with (
        policy_in(POLICY.replace("4321", str(os.getegid()))) as folder,
        engine_at(folder / "engine.sock"),
    ):
        done = run(
            "check",
            "--policy",
            f"{folder}/policy.yaml",
            DOCKER_SOCKET_PATH=f"{folder}/engine.sock",
            LEARN_DIR=str(folder),
            SANDBOX="off",
        )
    assert (done.status, done.err) == (0, "")
    out = done.out.replace(str(folder), "FOLDER").replace(f"uid {os.geteuid()}, gid {os.getegid()}", "uid 0, gid 0")
    assert re.sub(r"[0-9a-f]{12}\b", "0123456789ab", out.replace(f"uid {os.geteuid()}", "uid 0")) == CHECKED


MORE = "`--all` lists every operation and setting, and what presets expose\n"

CHECKED = (
    """\
socket traefik
  root on the host: no
  reads secrets: no
  others' objects: reads them, by ContainerList (policy.yaml:5)
socket backup
  root on the host: maybe, by ExecStart (policy.yaml:14); if others prepared an exec;\
 if a reachable container is privileged or mounts files that the host trusts
  reads secrets: yes, by ExecStart (policy.yaml:14): it types into running containers or starts commands there,\
 but only if the container is db-*
  others' objects: changes them, by ContainerStart (policy.yaml:11)
socket new-thing
  root on the host: yes, by mode: report
  reads secrets: yes, as root
  others' objects: yes, as root

warning: the mode of the socket new-thing is report: it denies nothing

policy    FOLDER/policy.yaml
engine    FOLDER/engine.sock, which accepts connections
sandbox   off: the process is not sandboxed

socket    traefik, FOLDER/traefik.sock, permissions 0660, uid 0, gid 0
mode      enforce
digest    0123456789ab
allows    preset:ping: requests that nearly every client sends first, to find the engine and its API version

also allowed
  containers          1 of 29  ContainerList

4 operations that read and 0 that change something are allowed; the rest is denied

socket    backup, FOLDER/backup.sock, permissions 0660, uid 0, gid 0
mode      enforce
digest    0123456789ab

allowed
  containers         11 of 29  if the container is web or db-*: ContainerList, CheckpointList, ContainerArchiveInfo,\
 ContainerChanges, ContainerInspect, ContainerStats, ContainerWait
                               if follow is false or if the container is web or db-*: ContainerLogs
                               contained, if the container is web or db-*: ContainerTop
                               contained, if the container is db-*: ContainerRestart
                               contained: ContainerStart
  exec                1 of 3   contained, if the container is db-*: ExecStart
  no ping: most Docker clients send it first; preset:ping allows it

what this policy lets a client do that you may not expect:
  it lists any host directory if the engine is experimental,\
 but only if the container is web or db-*, by containers:read (policy.yaml:10); deny: [CheckpointList] removes it
  it types into running containers or starts commands there, but only if the container is db-*,\
 by ExecStart (policy.yaml:14); remove ExecStart (policy.yaml:14) to end it
  it sees every container's environment, including passwords, but only if the container is web or db-*,\
 by containers:read (policy.yaml:10); deny: [ContainerInspect] removes it
  it reads all output of any container, but only if follow is false or if the container is web or db-*,\
 by ContainerLogs (policy.yaml:13), containers:read (policy.yaml:10);\
 remove ContainerLogs (policy.yaml:13) and write deny: [ContainerLogs] to end it
9 operations that read and 3 that change something are allowed, 4 of them contained; the rest is denied

socket    new-thing, FOLDER/new-thing.sock, permissions 0660, uid 0, gid 0
mode      report
digest    0123456789ab

allowed
  containers          1 of 29  ContainerList
  no ping: most Docker clients send it first; preset:ping allows it

1 operations that read and 0 that change something are allowed; the rest passes too, and is reported

"""
    + MORE
)


def test_limits_are_said_where_they_are_not_as_by_default() -> None:
    line = "limits    body 4KiB, the rest are defaults\n"
    with policy_in("sockets: {a: {path: FOLDER/a.sock, limits: {body: 4KiB}, allow: []}}") as folder:
        assert line in run("check", "--policy", f"{folder}/policy.yaml").out
        assert line in run("check", PROXIED_SOCKET_PATH=f"{folder}/b.sock", MAX_BODY="4096").out
        variables = {"PROXIED_SOCKET_PATH": f"{folder}/b.sock", "MAX_BODY": "1MiB"}
        assert "limits    default\n" in run("check", "--all", **variables).out
        assert "limits " not in run("check", **variables).out


def test_a_policy_file_can_be_named_by_the_environment() -> None:
    with policy_in() as folder:
        path = f"{folder}/policy.yaml"
        assert run("check", POLICY_FILE=path).out == run("check", "--policy", path).out


def test_every_mistake_of_a_policy_file_is_said_at_once() -> None:
    with policy_in("sockets:\n  a:\n    path: x\n    allow: [Nothing]\n    more: 1\n") as folder:
        done = run("check", "--policy", f"{folder}/policy.yaml", CONTAINERS="1")
    assert (done.status, done.out) == (2, "")
    where = [line.partition(": ")[0] for line in done.err.splitlines() if not line.startswith(" ")]
    assert where == [
        *(f"{folder}/policy.yaml:{place}" for place in ("3:11", "4:13", "5:5")),
        "environment variable CONTAINERS",
    ]


def test_every_socket_that_cannot_be_opened_is_said() -> None:
    with policy_in() as folder:
        (folder / "traefik.sock").write_text("")
        (folder / "backup.sock").mkdir()
        done = run("check", "--policy", f"{folder}/policy.yaml")
    assert done.status == 2
    assert done.err.count("exists and is not a socket") == 2


def test_the_digest_is_the_same_for_what_means_the_same() -> None:
    with policy_in("sockets: {a: {path: FOLDER/a.sock, allow: [SystemPing, SystemPingHead, SystemVersion]}}") as one:
        first = run("check", "--policy", f"{one}/policy.yaml").out
    with policy_in("sockets: {a: {path: FOLDER/a.sock, allow: [preset:ping]}}") as other:
        second = run("check", "--policy", f"{other}/policy.yaml").out
    digests = [re.search(r"^digest    ([0-9a-f]{12})$", out, re.MULTILINE) for out in (first, second)]
    assert digests[0] is not None
    assert digests[1] is not None
    assert digests[0][1] == digests[1][1]


def test_a_lock_that_is_required_and_missing_keeps_the_proxy_from_starting() -> None:
    with short_folder() as folder:
        done = run("check", "--all", PROXIED_SOCKET_PATH=f"{folder}/docker.sock", SANDBOX="required")
    missing = [lock for lock in foresee() if lock.obstacle]
    assert done.status == (2 if missing else 0)
    assert done.err.count("SANDBOX=best-effort starts without it") == len(missing)
    assert "\nsandbox   required; " in done.out


HIDING = """\
sockets:
  dashboard:
    path: FOLDER/dashboard.sock
    allow: [containers:read]
    hide: [labels, arguments]
"""


def test_what_is_hidden_is_said_and_what_would_show_it_is_not_allowed() -> None:
    with policy_in(HIDING) as folder:
        found = run("check", "--policy", str(folder / "policy.yaml")).out
        assert "\nhide      arguments, labels\n" in found
        assert "ContainerInspect" in found
        assert "ContainerTop" not in found
