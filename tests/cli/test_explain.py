"""What `explain` says is what the proxy does."""

import os
import re

import pytest
from cli.files import POLICY, policy_in, write
from cli.programs import Running, ask, engine_at, run, run_here, serving
from decisions import split_decision
from folders import short_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from policy.policies import PLAIN, environments, policy_of
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.near import show

ENVIRONMENT = {"CONTAINERS": "1", "IMAGES": "1", "ALLOW": "ContainerStart,ExecStart", "DENY": "ContainerLogs"}
REFUSED = "decision   refused with 400, under any policy"
SEARCH = "ImageSearch denied: only allowed if no registry host is named; to allow it, set ALLOW=ImageSearch"
REQUESTS = (
    ("GET", "/_ping"),
    ("HEAD", "/_ping"),
    ("GET", "/v1.45/containers/json?all=1"),
    ("POST", "/containers/web/start"),
    ("POST", "/containers/create"),
    ("GET", "/containers/web/logs"),
    ("GET", "/containers/web/attach/ws?stdin=1"),
    ("GET", "/images/search?term=alpine"),
    ("GET", "/images/search?term=registry.example/alpine"),
    ("GET", "/images/team%2Fapp/json"),
    ("GET", "/containers/a%2Fb/json"),
    ("GET", "/containers/../secrets"),
    ("GET", "/secrets"),
    ("GET", "/debug/vars"),
    ("GET", "/_dockerproxy/health"),
    ("PATCH", "/containers/web"),
    ("OPTIONS", "*"),
    ("GET", "http://docker/_ping"),
)


def test_what_is_explained_is_what_the_proxy_answers() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder, **ENVIRONMENT):
        for method, target in REQUESTS:
            status, message = ask(f"{folder}/docker.sock", method, target)
            message, _ = split_decision(message)
            explained = run_here("explain", method, target, **ENVIRONMENT)
            said = {line[:10].rstrip(): line[11:] for line in explained.out.splitlines()}
            if status == 200:
                assert (explained.status, said["decision"]) == (0, "allowed"), target
            elif status == 403:
                assert (explained.status, said["decision"]) == (1, "not allowed"), target
                assert said["message"] == message
            else:
                assert (explained.status, said["reason"]) == (1, message), target
                assert said["decision"] == f"refused with {status}, under any policy"


@settings(max_examples=25)
@given(environments(), st.sampled_from(sorted(PLAIN)))
def test_what_is_said_to_deny_a_request_denies_it_and_nothing_else(environment: dict[str, str], name: str) -> None:
    words = ("explain", PLAIN[name].method, PLAIN[name].target)
    found = re.search(r"to deny it, (?:set DENY=|add )(\w+)( to DENY)?$", run_here(*words, **environment).out.rstrip())
    if found is None:
        assert run_here(*words, **environment).status or "always" in run_here(*words, **environment).out
        return
    denied = {**environment, "DENY": f"{environment['DENY']},{found[1]}" if found[2] else found[1]}
    assert run_here(*words, **denied).status == 1
    before, after = (frozenset(filter(policy_of(**each).allows, OPERATIONS)) for each in (environment, denied))
    assert before - after == {name}
    assert after <= before


@for_each(
    ("words", "variables", "status", "expected"),
    [
        (
            ("GET", "/v1.45/containers/json?all=1"),
            {"CONTAINERS": "1"},
            0,
            [
                "request    GET /v1.45/containers/json?all=1",
                "operation  ContainerList: names, commands, labels, addresses and mounts of all containers",
                "access     read, in the section containers",
                "decision   allowed",
                "grant      CONTAINERS=1",
                "change     to deny it, set DENY=ContainerList",
            ],
        ),
        (
            ("POST", "/containers/w%65b/stop"),
            {"CONTAINERS": "1"},
            1,
            [
                "request    POST /containers/web/stop",
                "operation  ContainerStop: stops a container, by force after a timeout",
                "access     write, in the section containers",
                "decision   not allowed",
                "grant      none",
                (
                    "message    ContainerStop denied: no rule allows it;"
                    " to allow it for every container, set ALLOW_STOP=1"
                ),
            ],
        ),
        (
            ("GET", "/secrets"),
            {"SECRETS": "1", "DENY": "SecretList"},
            1,
            [
                "request    GET /secrets",
                "operation  SecretList: names and labels of all secrets, never their values",
                "access     read, in the section secrets",
                "decision   not allowed",
                "grant      SECRETS=1",
                "denial     DENY",
                "message    SecretList denied: a rule denies it; to allow it, remove SecretList from DENY",
            ],
        ),
        (
            ("GET", "/debug/vars"),
            {},
            1,
            [
                "request    GET /debug/vars",
                "decision   not allowed",
                (
                    "message    GET /debug/vars denied: not a known Docker API operation;"
                    " unknown operations are always denied"
                ),
            ],
        ),
        (
            ("GET", "/images/search?term=quay.io/app"),
            {"IMAGES": "1"},
            1,
            [
                "request    GET /images/search?term=quay.io%2Fapp",
                "operation  ImageSearch: makes the engine search a registry, in term= any",
                "access     read, in the section images",
                "decision   not allowed",
                "grant      IMAGES=1",
                "           no   no registry host is named",
                "           yes  unrestricted: any body is allowed",
                f"message    {SEARCH}",
            ],
        ),
        (
            ("GET", "/_dockerproxy/health"),
            {},
            0,
            [
                "request    GET /_dockerproxy/health",
                "operation  ProxyHealth: whether the proxy is up and the engine responds to a ping",
                "access     read, in the section _dockerproxy",
                "decision   allowed",
            ],
        ),
        (("GET", "/containers/../secrets"), {}, 1, [REFUSED, "reason     ambiguous path: a dot segment"]),
        (("GET", "/_ping x"), {}, 1, [REFUSED, "reason     malformed request line; write METHOD TARGET HTTP/1.1"]),
    ],
)
def test_an_explanation_reads_like_this(
    words: tuple[str, str], variables: dict[str, str], status: int, expected: list[str]
) -> None:
    done = run("explain", *words, **variables)
    assert (done.status, done.out.splitlines(), done.err) == (status, expected, "")


def test_bytes_that_are_no_text_are_explained_too() -> None:
    assert run("explain", "GET", "/_ping?x=\udcff").out.startswith("request    GET /_ping?x=%FF\n")


def explain(*words: str, socket: str = "backup") -> tuple[int, list[str]]:
    """Explain a request by the policy file; return the status and the lines."""
    with policy_in() as folder:
        done = run_here("explain", "--policy", f"{folder}/policy.yaml", "--socket", socket, *words)
    return done.status, done.out.replace(str(folder), "FOLDER").splitlines()


def test_a_refusal_by_a_policy_file_is_explained_with_every_line_that_bears_on_it() -> None:
    assert explain("POST", "/containers/web/restart") == (
        1,
        [
            "socket     backup, FOLDER/backup.sock",
            "request    POST /containers/web/restart",
            "operation  ContainerRestart: stops a container, and starts it again",
            "access     write, in the section containers",
            "object     container web, taken for its name; serve asks the engine",
            "decision   not allowed",
            "grant      ContainerRestart (policy.yaml:12)",
            "           no   the container is db-*: it is web",
            f"message    {RESTART}",
            'change     to allow it, add this line to "allow" of socket "backup" in FOLDER/policy.yaml:',
            "           - ContainerRestart: {containers: [web]}",
        ],
    )


RESTART = (
    "ContainerRestart denied: only allowed if the container is db-*, and without the parameter all;"
    ' to allow it, widen its conditions in "allow" of socket "backup"'
)


def test_an_allowance_by_a_policy_file_is_explained_with_what_would_refuse_it() -> None:
    assert explain("GET", "/version", socket="traefik") == (
        0,
        [
            "socket     traefik, FOLDER/traefik.sock",
            "request    GET /version",
            "operation  SystemVersion: versions of the engine, its parts and the kernel",
            "access     read, in the section version",
            "decision   allowed",
            "grant      preset:ping (policy.yaml:5)",
            'change     to deny it, add this line to "deny" of socket "traefik" in FOLDER/policy.yaml:',
            "           - SystemVersion",
        ],
    )


def test_a_refusal_of_what_no_policy_is_asked_about_names_the_socket_too() -> None:
    assert explain("GET", "/containers/../x") == (
        1,
        ["socket     backup, FOLDER/backup.sock", REFUSED, "reason     ambiguous path: a dot segment"],
    )


def test_what_passes_all_the_same_is_said_and_is_not_allowed() -> None:
    status, lines = explain("POST", "/containers/create", socket="new-thing")
    assert status == 1
    assert "decision   not allowed, but passes: the mode of this socket is report" in lines


def test_a_quota_that_a_request_may_add_to_is_said() -> None:
    text = "sockets: {a: {path: FOLDER/a, quota: {networks: 2, volumes: 3}, allow: [own, NetworkCreate]}}"
    with policy_in(text) as folder:
        body = write(folder / "body.json", '{"Name": "front"}')
        said = [
            run_here("explain", "--policy", f"{folder}/policy.yaml", "POST", target, "--body", body).out
            for target in ("/networks/create", "/containers/x/kill")
        ]
        checked = run_here("check", "--policy", f"{folder}/policy.yaml").out
    assert "quota      all own objects, with this one: networks 2; serve counts existing ones\n" in said[0]
    assert "quota" not in said[1]
    assert "quota     networks 2, volumes 3\n" in checked


def test_a_body_is_judged_by_its_kind() -> None:
    with policy_in() as folder:
        body = write(folder / "body.json", '{"Image": "app"}')
        done = run_here("explain", "POST", "/containers/create", "--body", body, CONTAINERS="1", POST="1")
        assert "body       16 bytes, not checked\n" in done.out
        health = run_here("explain", "GET", "/_dockerproxy/health", "--body", body)
        nothing = run("explain", "GET", "/_ping", "--body", f"{folder}/nothing")
    assert (health.status, health.out.splitlines()[1]) == (
        1,
        "reason     unsupported body of a health check; remove it",
    )
    assert (nothing.status, nothing.out) == (2, "")
    assert (
        nothing.err == f"--body: {folder}/nothing: file not found\n    check the path; in a container, mount the file\n"
    )


@pytest.mark.parametrize(
    ("peer", "status", "expected"),
    [
        ("4321", 1, "uid 4321 may not connect"),
        ("4322:5,4321", 0, "uid 4322 gid 5,4321 may connect"),
        ("0", 0, "uid 0 may connect"),
    ],
)
def test_whether_a_peer_may_open_the_socket_is_said(peer: str, status: int, expected: str) -> None:
    done, lines = explain("GET", "/version", "--peer", peer, socket="traefik")
    file = f"FOLDER/traefik.sock is 0660, uid {os.geteuid()}, gid 4321"
    assert (done, lines[-1]) == (status, f"peer       {expected}: {file}")


@pytest.mark.parametrize("peer", ["", "root", "1000:", "1000:5,", "-1", "1:2:3", "\u0661"])
def test_what_is_no_peer_is_something_to_mend(peer: str) -> None:
    done = run("explain", "GET", "/_ping", f"--peer={peer}")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"--peer: {show(peer)} is not a user ID with group IDs\n    numbers, like 1000")


def test_with_several_sockets_one_must_be_named() -> None:
    with policy_in() as folder:
        done = run("explain", "GET", "/_ping", "--policy", f"{folder}/policy.yaml")
        named = run("explain", "GET", "/_ping", "--policy", f"{folder}/policy.yaml", "--socket", "bakcup")
        one = run("explain", "GET", "/_ping", "--policy", write(folder / "one.yaml", POLICY.partition("  backup:")[0]))
    assert (done.status, named.status, one.status) == (2, 2, 0)
    assert done.err == "--socket: the policy has several sockets\n    choose one: traefik, backup or new-thing\n"
    assert named.err.endswith("did you mean backup?\n")


def test_what_is_explained_of_a_policy_file_is_what_the_proxy_answers() -> None:
    ours = POLICY.replace("    group: 4321\n", "")
    with policy_in(ours) as folder, engine_at(folder / "engine.sock"):
        variables = {"POLICY_FILE": f"{folder}/policy.yaml", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        with Running(**variables) as proxy:
            proxy.wait_for("new-thing.sock with mode")
            for socket in ("traefik", "new-thing"):
                for method, target in REQUESTS:
                    status, message = ask(f"{folder}/{socket}.sock", method, target)
                    message, _ = split_decision(message)
                    explained = run_here("explain", method, target, "--socket", socket, **variables)
                    decision = "decision   allowed\n" in explained.out or "but passes" in explained.out
                    assert decision is (status == 200), (socket, target)
                    assert status == 200 or message in explained.out


def test_an_id_is_cut_to_twelve_digits_but_not_where_it_is_used() -> None:
    whole = "0123456789ab" + "c" * 52
    words = "explain", "GET", f"/containers/{whole}/json", "--socket", "backup"
    with policy_in() as folder:
        lines = run_here(*words, "--policy", f"{folder}/policy.yaml").out.splitlines()
    assert f"request    GET /containers/{whole}/json" in lines
    assert "object     container 0123456789ab, taken for its name; serve asks the engine" in lines
    assert any(line.endswith(": it is 0123456789ab") for line in lines)
    assert any(line.strip().startswith("- ContainerInspect: ") and whole in line for line in lines)


HIDING = """\
sockets:
  dashboard:
    path: FOLDER/dashboard.sock
    mode: report
    allow: [containers:read]
    hide: [labels, arguments]
"""


def test_what_the_answer_goes_without_is_said() -> None:
    with policy_in(HIDING) as folder:
        path = str(folder / "policy.yaml")
        found = run_here("explain", "--policy", path, "GET", "/containers/json")
        assert (found.status, "answer     is sent without arguments, labels" in found.out) == (0, True)
        found = run_here("explain", "--policy", path, "GET", "/containers/web/top")
        assert (found.status, "decision   not allowed\n" in found.out) == (1, True)
        assert "to allow it, remove arguments from hide" in found.out
        assert "\nchange" not in found.out
        found = run_here("explain", "--policy", path, "GET", "/containers/web/logs?details=1")
        assert (found.status, "remove labels from hide" in found.out) == (1, True)


LISTING = "sockets: {ci: {path: FOLDER/ci.sock, allow: [own, 'images:read']}}"


@pytest.mark.parametrize(
    ("request_line", "said"),
    [
        ("GET /containers/json", "answer     shows only objects that the grant admits"),
        ("POST /networks/prune", "answer     removes only objects that the grant admits"),
        ("GET /images/json", ""),
    ],
)
def test_what_is_shown_or_removed_in_part_is_said(request_line: str, said: str) -> None:
    with policy_in(LISTING) as folder:
        found = run_here("explain", "--policy", str(folder / "policy.yaml"), *request_line.split())
        assert found.status == 0
        assert said in found.out if said else "answer  " not in found.out
