"""Parameters at which no engine looks are left out of what is judged and of what goes on; all others are judged."""

import json

import pytest
from policy.policies import policy_with, request_for
from policy.words.looking import faults, look
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge, judge_body
from dockerproxy.policy.model import Grant, Mode, Source
from dockerproxy.policy.objects import with_query
from dockerproxy.policy.phases import NeedsBody, Verdict
from dockerproxy.wire.document import Json

CONTAINED = policy_with(Grant(frozenset({"ContainerCreate", "NetworkCreate"}), Source("policy.yaml:1")))

FROM_DOCKERODE = {
    "ContainerCreate": "?name=web&Image=busybox&Cmd=sh&Cmd=-c&Cmd=a%3Bb&Env=A=b&Env=C=d&HostConfig=%7B%7D&Tty=",
    "NetworkCreate": "?Name=ci&CheckDuplicate=true&Driver=bridge&IPAM=%7B%7D&Labels=%7B%7D&EnableIPv6=false",
    "VolumeCreate": "?Name=ci&DriverOpts=%7B%7D&Labels=%7B%22a%22%3A%22b%22%7D",
    "SecretCreate": "?Name=ci&Data=eA==&Labels=%7B%7D",
    "SecretUpdate": "?version=3&Name=ci&Labels=%7B%7D",
    "ServiceUpdate": "?version=3&Name=ci&TaskTemplate=%7B%7D&Mode=%7B%7D",
}
BODIES_FROM_DOCKERODE: dict[str, Json] = {
    "ContainerCreate": {"name": "web", "platform": ""},
    "SecretUpdate": {"version": 3},
    "ServiceUpdate": {"version": 3},
}


def told(body: dict[str, object], target: str, policy: CompiledPolicy = CONTAINED) -> Verdict:
    """Judge a request as dockerode sends it."""
    content = json.dumps(body).encode()
    head = (
        f"POST {target} HTTP/1.1\r\nhost: d\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    judged = judge(policy, head.encode())
    assert isinstance(judged, NeedsBody)
    found = judge_body(judged, content)
    assert isinstance(found, Verdict)
    return found


@pytest.mark.parametrize(("name", "query"), FROM_DOCKERODE.items())
def test_a_query_that_repeats_the_body_passes(name: str, query: str) -> None:
    seen = look(name, query, BODIES_FROM_DOCKERODE.get(name, {}), bounds={"tags": ("ci:1",)})
    filled_in = {"CheckDuplicate": True} if name == "NetworkCreate" else {}
    assert ([each for each in seen.faults if each.path != "X-Registry-Auth"], seen.content) == ([], filled_in)


def test_what_no_engine_reads_goes_no_further() -> None:
    query = "?Image=other&name=web&Cmd=a&Cmd=b&HostConfig=%7B%22Privileged%22%3Atrue%7D&platform="
    found = told({"Image": "busybox"}, f"/v1.45/containers/create{query}")
    head, _, content = found.to_engine.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /v1.45/containers/create?name=web&platform= HTTP/1.1"
    assert content == b'{"Image":"docker.io/library/busybox","HostConfig":{"CapDrop":["MKNOD"]}}'


def test_a_query_of_which_nothing_is_read_goes_no_further_at_all() -> None:
    found = told({"Name": "ci"}, "/networks/create?Name=ci&Driver=host")
    assert found.to_engine.startswith(b"POST /networks/create HTTP/1.1\r\n")


@for_each("name", sorted(BODIES))
def test_no_parameter_that_is_left_out_is_in_what_goes_on(name: str) -> None:
    dropped = [each for each, field in BODIES[name].parameters.items() if field.rule == "aside"]
    query = "&".join(f"{each}=%7B%7D&{each}=/x" for each in dropped)
    seen = look(name, f"?{query}", {})
    assert not any(fault.path.startswith("?") and fault.path[1:] in dropped for fault in seen.faults)
    assert with_query(request_for(OPERATIONS[name], f"?{query}"), seen.query).query == ()


def test_what_repeats_the_body_does_not_change_what_is_judged() -> None:
    found = told({"Image": "busybox", "HostConfig": {"Privileged": True}}, "/containers/create?Image=busybox")
    assert not found.passes
    assert "HostConfig.Privileged" in found.decision.message


@pytest.mark.parametrize("mode", [Mode.REPORT, Mode.LEARN])
def test_what_was_not_judged_goes_on_as_it_came_where_nothing_is_refused(mode: Mode) -> None:
    target = "/containers/create?Image=busybox&Cmd=a"
    found = told({"HostConfig": {"Privileged": True}}, target, policy_with(mode=mode))
    assert found.to_engine.startswith(f"POST {target} HTTP/1.1\r\n".encode())


@for_each(
    ("name", "query"),
    [
        ("ContainerCreate", "?cmd=a"),
        ("ContainerCreate", "?Name=web"),
        ("ContainerCreate", "?NAME=web"),
        ("ContainerCreate", "?Platform=linux"),
        ("ContainerCreate", "?Cmd[]=a"),
        ("ContainerCreate", "?HostConfig.Binds=/etc:/host"),
        ("ContainerCreate", "?Binds=/etc:/host"),
        ("ContainerCreate", "?Ho%C5%BFtname=a"),
        ("NetworkCreate", "?name=ci"),
        ("SecretCreate", "?labels=a"),
    ],
)
def test_another_spelling_is_not_left_out(name: str, query: str) -> None:
    assert [fault.rpartition(", ")[2] for fault in faults(name, query, {"Name": "ci"} if "Net" in name else {})] == [
        "not a known parameter"
    ]


def test_a_parameter_that_counts_is_there_once() -> None:
    assert any("repeated" in fault for fault in faults("ContainerCreate", "?name=a&Cmd=a&Cmd=b&name=b", {}))


def test_empty_credentials_beside_a_pull_go_no_further() -> None:
    seen = look("ImageCreate", "?authconfig=&fromImage=nginx&tag=1")
    assert (seen.faults, dict(seen.query)) == ((), {"authconfig": ()})


@pytest.mark.parametrize("value", ["e30=", "eyJ1c2VybmFtZSI6ImEifQ==", "%7B%7D", "+", "0"])
def test_credentials_in_the_query_of_a_pull_are_refused(value: str) -> None:
    assert len(faults("ImageCreate", f"?fromImage=nginx&tag=1&authconfig={value}")) == 1
    assert faults("ImageCreate", f"?fromImage=nginx&tag=1&authconfig=&authconfig={value}")
    assert faults("ImageCreate", f"?fromImage=nginx&tag=1&AuthConfig={value}")


def test_a_parameter_is_not_spelled_as_in_a_table() -> None:
    (fault,) = faults("ImageBuild", "?t[]=other", tags=("ci:1",))
    assert "not a known parameter" in fault
    assert faults("ImageBuild", "?t=ci:1", tags=("ci:1",)) == []
