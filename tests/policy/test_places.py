"""What a client mounts by a name of its own is judged by that name, and the engine gets the host's."""

import json
import posixpath
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.judging import finish, nobody
from policy.policies import condition
from rows import for_each
from wire.heads import head_of

from dockerproxy.config.places import SIGNS, is_place
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Grant, Mode, Policy, Source
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.places import ENGINES, NOWHERE, Places
from dockerproxy.policy.words.spellings import clean_path
from dockerproxy.workbench.exposures import describe_exposures

FILE = """
engine: /run/engine.sock
sockets:
  agent:
    path: /proxied/agent/docker.sock
    mode: MODE
    own_socket: /run/dockerproxy/agent/docker.sock
    paths: {/workspace: /srv/project, /workspace/cache: /var/cache/ci}
    allow:
      - ContainerCreate: {binds: ["/workspace:ro", "/workspace/cache:ro", "/data:ro"]}
"""
OWN = "/run/dockerproxy/agent/docker.sock"
OF_USERS = ("/run/user/1000/docker.sock", "/var/run/user/7/podman/podman.sock")
Find = Callable[[Lookup], ResolvedObject | None]

PARTS = st.lists(st.sampled_from(["", ".", "..", "a", "b", "ab", "a.b"]), max_size=5)
PATHS = PARTS.map(lambda parts: clean_path("/" + "/".join(parts))).filter(bool)
MAPPINGS = st.dictionaries(PATHS, PATHS, max_size=4)


def policy_in(mode: Mode, text: str = FILE) -> CompiledPolicy:
    return read_policy(text.replace("MODE", mode), "policy.yaml").sockets[0].policy


def send(target: str, body: object, policy: CompiledPolicy, find: Find = nobody) -> Verdict:
    """Judge a create to its end."""
    content = json.dumps(body).encode()
    fields = ("content-type: application/json", f"content-length: {len(content)}")
    judged = finish(judge(policy, head_of(*fields, line=f"POST {target} HTTP/1.1")), content, find)
    assert isinstance(judged, Verdict)
    return judged


def create(host_config: object, mode: Mode = Mode.ENFORCE) -> Verdict:
    return send("/v1.45/containers/create", {"Image": "busybox", "HostConfig": host_config}, policy_in(mode))


def sent(verdict: Verdict) -> Any:
    """Return the body that goes to the engine."""
    assert verdict.passes, verdict.decision
    return json.loads(verdict.to_engine.partition(b"\r\n\r\n")[2])


@for_each(
    ("said", "found"),
    [
        ("/workspace:/w:ro", "/srv/project:/w:ro"),
        ("/workspace/:/w:ro", "/srv/project:/w:ro"),
        ("/workspace/cache:/w:ro", "/var/cache/ci:/w:ro"),
        ("/data:/w:ro", "/data:/w:ro"),
        (f"{OWN}:/var/run/docker.sock", f"{OWN}:/var/run/docker.sock"),
        *((f"{socket}:/s:ro", f"{OWN}:/s:ro") for socket in (*ENGINES, *OF_USERS, "/run/engine.sock")),
        ("/proxied/agent/docker.sock:/s", f"{OWN}:/s"),
    ],
)
def test_the_engine_gets_what_the_host_calls_it(said: str, found: str) -> None:
    assert sent(create({"Binds": [said]}))["HostConfig"]["Binds"] == [found]
    source, target, *rest = said.split(":")
    mount = {"Type": "bind", "Source": source, "Target": target, "ReadOnly": "ro" in rest}
    mounts = sent(create({"Mounts": [mount]}))["HostConfig"]["Mounts"]
    assert [each["Source"] for each in mounts] == [found.split(":", maxsplit=1)[0]]


@pytest.mark.parametrize(
    "said",
    ["/srv/project", "/workspace/../etc", "/workspacex", "/", "/workspace//a", "/var/run", "/run/docker.sock.bak"],
)
def test_what_no_grant_names_is_denied_by_what_the_client_says(said: str) -> None:
    denied = create({"Binds": [f"{said}:/w"]})
    assert not denied.passes
    assert f'"{said}' in denied.decision.message
    assert "/srv" not in denied.decision.message.replace(said, "")


@pytest.mark.parametrize("mode", [Mode.REPORT, Mode.LEARN])
def test_where_nothing_is_refused_it_is_found_too(mode: Mode) -> None:
    binds = ["/workspace/a:/w:ro", "/etc:/etc", "/var/run/docker.sock:/s"]
    there = create({"Binds": binds}, mode)
    assert not there.decision.allowed
    assert sent(there)["HostConfig"]["Binds"] == ["/srv/project/a:/w:ro", "/etc:/etc", f"{OWN}:/s"]
    if mode is Mode.LEARN:
        assert there.needs is not None
        assert there.needs["binds"] == ("/workspace/a:ro", "/etc")
    unread = create({"Binds": binds, "Privileged": True}, mode)
    assert sent(unread)["HostConfig"]["Binds"] == binds


def test_without_a_socket_of_its_own_the_denial_says_how_to_have_one() -> None:
    policy = policy_in(Mode.ENFORCE, FILE.replace(f"    own_socket: {OWN}\n", ""))
    body = {"Image": "busybox", "HostConfig": {"Binds": ["/run/docker.sock:/s"]}}
    denied = send("/containers/create", body, policy)
    assert "the engine's socket, which makes any client root; `own_socket` mounts" in denied.decision.message


@given(MAPPINGS, PATHS)
def test_a_place_is_never_outside_of_its_directory(mapping: dict[str, str], path: str) -> None:
    found = Places(mapping).on_host(path)
    assert clean_path(found) == found
    above = [each for each in mapping if each in {"/", path} or path.startswith(f"{each}/")]
    longest = max(above, key=len, default="/")
    assert found == posixpath.normpath(posixpath.join(mapping.get(longest, "/"), posixpath.relpath(path, longest)))


@given(MAPPINGS, PATHS)
def test_what_the_host_calls_a_place_is_told_by_the_name_that_leads_there(mapping: dict[str, str], path: str) -> None:
    places = Places(mapping)
    told = places.of_client(path)
    assert not told or places.on_host(told) == path


@given(st.text(alphabet=f"/.ab{SIGNS}\0", max_size=8))
def test_a_place_is_read_to_its_end_by_every_engine(path: str) -> None:
    assert is_place(path) == (clean_path(path) == path != "" and not set(path) & set(SIGNS))


def test_nobody_has_a_socket_who_was_given_none() -> None:
    assert not any(map(NOWHERE.is_socket, (*ENGINES, *OF_USERS, "")))


def test_exposures_are_those_of_the_hosts_directories() -> None:
    text = FILE.replace("/srv/project", "HOST").replace("/run/dockerproxy", "/own")
    root = "is root on the host"
    for host, exposes in (("/run", True), ("/srv", False)):
        assert (root in describe_exposures(policy_in(Mode.ENFORCE, text.replace("HOST", host)))) == exposes
    granted = text.replace("HOST", "/srv").replace("/data:ro", "/run/docker.sock")
    assert root not in describe_exposures(policy_in(Mode.ENFORCE, granted))


@pytest.mark.parametrize(
    ("bind", "host", "exposes"),
    [
        ("/w*/run/docker.sock:ro", "/var", True),
        ("/*/**:ro", "/var/run", True),
        ("/**/docker.sock:ro", "/var", True),
        ("/**:ro", "/run", True),
        ("/*/docker.sock/x:ro", "/run", False),
        ("/w*/run/docker.sock:ro", "/srv", False),
        ("/other/docker.sock:ro", "/run", False),
    ],
)
def test_exposures_are_those_of_all_that_a_pattern_may_mean(bind: str, host: str, *, exposes: bool) -> None:
    places = Places({"/workspace": host, "/workspace/cache": "/var/cache/ci"})
    grant = Grant(frozenset({"ContainerCreate"}), Source("x"), (condition("binds", (bind,)),))
    told = describe_exposures(compile_policy(Policy(grants=(grant,), denials=(), places=places)))
    assert ("its grants reach the engine's socket" in told) is exposes
