"""What clients of a socket may create is one profile: a preset and a line of the file are one grant."""

import json

import pytest
from policy.judging import finish
from rows import for_each
from wire.heads import head_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.config.presets import PRESETS, find_preset
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import CREATES, values_of
from dockerproxy.policy.objects import missing
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.values import Pairs
from dockerproxy.problems import UserError

AGENT = "preset:ai-agent"  # ContainerCreate: {memory: 2GiB, cpus: 2, pids: 512}
CI = "preset:ci"  # ContainerCreate: {publish: {ports: [0]}}


def read(*allow: str) -> CompiledPolicy:
    return read_policy(f"sockets: {{ci: {{path: /ci.sock, allow: [{', '.join(allow)}]}}}}", "p.yaml").sockets[0].policy


def said(policy: CompiledPolicy, name: str = "ContainerCreate") -> object:
    """Return the one grant of a create."""
    [case] = policy.cases[name]
    return dict(values_of(case.conditions))


def problems(*allow: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        read(*allow)
    return [f"{each.what}; {each.hint}" for each in caught.value.problems]


def create(policy: CompiledPolicy, **host: object) -> Verdict:
    content = json.dumps({"Image": "busybox", "HostConfig": {"NetworkMode": "none", **host}}).encode()
    fields = ("content-type: application/json", f"content-length: {len(content)}")
    verdict = finish(judge(policy, head_of(*fields, line="POST /containers/create HTTP/1.1")), content, missing)
    assert isinstance(verdict, Verdict)
    return verdict


def test_a_line_completes_the_create_of_a_preset() -> None:
    policy = read(AGENT, "ContainerCreate: {binds: [/srv/data]}")
    assert said(policy) == {"memory": "2GiB", "cpus": "2", "pids": "512", "binds": ("/srv/data",)}
    bind = {"Binds": ["/srv/data:/data"]}
    assert create(policy, Memory=2**30, PidsLimit=9, NanoCpus=10**9, **bind).passes
    assert not create(policy, Memory=2**40, PidsLimit=9, NanoCpus=10**9, **bind).passes
    written = json.loads(create(policy, **bind).to_engine.partition(b"\r\n\r\n")[2])["HostConfig"]
    assert (written["Memory"], written["PidsLimit"]) == (2 * 2**30, 512)


@pytest.mark.parametrize(("word", "named"), [("containers:write", True), ("containers:write", False)])
def test_a_section_says_nothing_of_its_creates(word: str, *, named: bool) -> None:
    lines = [word, "ContainerCreate: {memory: 1GiB}"]
    assert said(read(*(lines if named else reversed(lines)))) == {"memory": "1GiB"}
    assert said(read(AGENT, word)) == {"memory": "2GiB", "cpus": "2", "pids": "512"}


def test_lists_that_permit_add_up_and_limits_of_the_file_replace_those_of_the_preset() -> None:
    policy = read("preset:openhands", 'ContainerCreate: {images: ["ghcr.io/acme/**"], volumes: [data]}')
    assert said(policy) == {
        "names": ("oh-agent-server-*",),
        "images": ("ghcr.io/acme/**",),
        "publish": Pairs((("ports", ("32768-60999",)),)),
        "volumes": ("data",),
    }
    assert said(read(AGENT, "ContainerCreate: {memory: 1GiB}")) == {"memory": "1GiB", "cpus": "2", "pids": "512"}


def test_ports_of_one_line_are_not_opened_on_addresses_of_the_other() -> None:
    policy = read(CI, "ContainerCreate: {publish: {ports: [8080], addresses: [127.0.0.1]}}")
    asked = (("8080", "127.0.0.1", True), ("8080", "", True), ("0", "", False), ("0", "127.0.0.1", False))
    for port, address, passes in asked:
        binding = {"80/tcp": [{"HostPort": port, "HostIp": address}]}
        assert create(policy, PortBindings=binding).passes == passes


def test_two_lines_for_one_create_are_a_mistake_that_says_what_to_write() -> None:
    for one, other in ((": {memory: 1GiB}", ": {binds: [/srv]}"), (": {memory: 1GiB}", ""), ("", ": {memory: 1GiB}")):
        [problem] = problems(f"ContainerCreate{one}", f"ContainerCreate{other}")
        assert problem == "ContainerCreate is in line 1 already; make one line of them"
    [problem] = problems("containers:write: {names: [a]}", "ContainerCreate: {memory: 1GiB}")
    assert "both say what ContainerCreate may create" in problem


def test_conditions_below_a_preset_are_the_files_own() -> None:
    """Else the line of the create would replace a limit that the same file says, and nobody would see it."""
    narrow = "preset:ci: {memory: 1GiB}"
    for lines in ((narrow, "ContainerCreate: {memory: 8GiB}"), ("ContainerCreate: {memory: 8GiB}", narrow)):
        [problem] = problems(*lines)
        assert problem.endswith("both say what ContainerCreate may create; make one line of them")
    [problem] = problems(narrow, f"{AGENT}: {{user: not-root}}")
    assert problem.endswith("use two sockets, or write the lines of one of them")
    assert said(read(narrow, "containers:write")) == said(read(narrow))
    assert said(read(narrow)) == {"publish": Pairs((("ports", ("0",)),)), "memory": "1GiB"}


def test_two_presets_with_creates_of_one_kind_are_a_mistake() -> None:
    found = problems(CI, AGENT)
    assert any(
        "both say what ContainerCreate may create; use two sockets, or write the lines" in each for each in found
    )


def test_an_unrestricted_create_needs_no_other() -> None:
    assert said(read(AGENT, "ContainerCreate: unrestricted")) == {"unrestricted": True}
    [problem] = problems("preset:portainer", "ContainerCreate: {memory: 1GiB}")
    assert "the conditions of ContainerCreate restrict nothing" in problem


@for_each("name", PRESETS)
def test_a_preset_has_one_grant_of_each_create(name: str) -> None:
    for create in CREATES:
        assert sum(create in grant.operations for grant in find_preset(name).grants) <= 1


def test_a_proposed_line_takes_the_place_of_the_one_that_is_there() -> None:
    """Doing what the denial says works, whether there is a line or not."""
    for line, verb in (("", "add"), ("ContainerCreate: {memory: 1GiB}", "remove its line and add")):
        denied = create(
            read(AGENT, *filter(None, [line])), Memory=2**30, PidsLimit=9, NanoCpus=10**9, Binds=["/srv:/data"]
        )
        told = denied.decision.message.partition(f'to allow it, {verb} "')[2]
        assert told.startswith("ContainerCreate: {"), denied.decision.message
        proposed = told.partition('" to "allow"')[0].replace('\\"', '"')
        assert create(read(AGENT, proposed), Memory=2**30, PidsLimit=9, NanoCpus=10**9, Binds=["/srv:/data"]).passes


def test_sockets_of_one_owner_create_alike() -> None:
    """Else a client of the wider one could make what the other may change, and the other way round."""
    text = (
        "sockets: {{a: {{path: /a.sock, own_as: team, allow: [{}]}}, b: {{path: /b.sock, own_as: team, allow: [{}]}}}}"
    )
    same = "own, ContainerCreate: {memory: 1GiB}"
    for other in ("own", "ContainerList: {own: true}", same):
        assert read_policy(text.format(same, other), "p.yaml").sockets
    for other in ("own, ContainerCreate", "own, VolumeCreate", f"{same}, VolumeCreate"):
        with pytest.raises(UserError) as caught:
            read_policy(text.format(same, other), "p.yaml")
        assert "have the same own_as, but different create grants" in caught.value.problems[0].what


def test_sockets_of_one_owner_mean_the_same_directories() -> None:
    """Else one would mount another directory of the host into a container of which the other may change the rest."""
    text = """
sockets:
  a: {{path: /a.sock, own_as: team, paths: {{/work: /srv/a}}, allow: [own, "ContainerCreate: {{binds: [/work]}}"]}}
  b: {{path: /b.sock, own_as: team, paths: {{/work: {}}}, allow: [own, "ContainerCreate: {{binds: [/work]}}"]}}
""".replace('"', "")
    assert read_policy(text.format("/srv/a"), "p.yaml").sockets
    with pytest.raises(UserError) as caught:
        read_policy(text.format("/srv/b"), "p.yaml")
    [problem] = caught.value.problems
    assert "have the same own_as, but different create grants" in problem.what
    assert problem.hint == "grant both the same creates under the same paths, or give each its own_as"


def test_a_socket_that_containers_get_shares_them_with_no_other() -> None:
    """Else a client of the other could use it from within, by a command in the container."""
    text = """
sockets:
  a: {path: /a.sock, own_as: team, own_socket: /run/a.sock, allow: [own, ContainerCreate]}
  b: {path: /b.sock, own_as: OWNER, allow: [own]}
"""
    assert read_policy(text.replace("OWNER", "other"), "p.yaml").sockets
    with pytest.raises(UserError) as caught:
        read_policy(text.replace("OWNER", "team"), "p.yaml")
    [problem] = caught.value.problems
    assert problem.what == "'a' has own_socket, and containers that get it belong to other sockets, too"
    assert problem.hint == "give it a different own_as"
