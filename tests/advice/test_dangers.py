"""Whatever is proposed says in its sentence what it gives away, after what may be done instead."""

import json
import re
from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import pytest
from cli.files import sockets_of
from hypothesis import given
from hypothesis import strategies as st
from observe.records import NOON, SOCKET
from policy.policies import allowing, hint_of
from rows import for_each
from workbench.lines import load as load_lines
from workbench.lines import write as write_lines
from workbench.requests import ANY, NOTHING, Asked, grants, load, record, send, take_for_name

from dockerproxy.advice.dangers import describe_danger, gives_away
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.observe.record import Record
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.places import Places
from dockerproxy.policy.values import Value, write_grant
from dockerproxy.workbench.bearing import find_change
from dockerproxy.workbench.chains import Extent, find_root
from dockerproxy.workbench.exposure import find_exposures
from dockerproxy.workbench.learned import write_grants
from dockerproxy.workbench.learning import Learner
from dockerproxy.workbench.trying import Tried, try_request

ROOT = "become root on the host"
IN_ITSELF = ("if the host runs or trusts", "if a reachable container", "if others prepared an exec")
"""Reasons why root may follow from a line that only names what the operator has named: a directory, a container."""

PROPOSED = re.compile('; (to allow it[^"]*), (?:remove its line and )?add "(.+)" to "allow"')


@pytest.mark.parametrize(
    ("bind", "does"),
    [("/home/*", True), ("/home/*:ro", True), ("/**", True), ("/srv/ci/*", False), ("/srv/ci/*:ro", False)],
)
def test_a_pattern_that_covers_what_the_host_trusts_gives_it_away_even_to_read(bind: str, *, does: bool) -> None:
    assert gives_away(bind) is does


@for_each(
    ("name", "conditions", "danger"),
    [
        ("ContainerCreate", {}, ""),
        ("ContainerCreate", {"unrestricted": True}, ROOT),
        ("ContainerCreate", {"binds": ("/srv/data", "/srv/**:ro")}, ""),
        ("ContainerCreate", {"binds": ("/srv/data", "/etc")}, ROOT),
        ("ContainerCreate", {"binds": ("/",)}, ROOT),
        ("ContainerCreate", {"binds": ("/run/user/7/docker.sock:ro",)}, ROOT),
        ("ContainerCreate", {"binds": ("/var/run/user/7/podman/*:ro",)}, ROOT),
        ("ContainerCreate", {"binds": ("/workspace",)}, ROOT),
        ("ContainerCreate", {"binds": ("/etc/shadow:ro",)}, "read keys of the host"),
        ("ContainerCreate", {"add_capabilities": ("cap_sys_admin",)}, ROOT),
        ("ContainerCreate", {"add_capabilities": ("CHOWN",)}, ""),
        ("ContainerCreate", {"devices": ("/dev/sda",)}, ROOT),
        ("ContainerCreate", {"devices": ("/dev/dri/*",)}, ""),
        ("ContainerCreate", {"joins": ("a1",)}, "use containers that they did not create"),
        ("ContainerCreate", {"networks": ("default",)}, ""),
        ("ContainerCreate", {"volumes": ("x",)}, "use volumes that they did not create"),
        ("ContainerLogs", {"containers": ("web",)}, "use containers that they did not create"),
        ("ContainerLogs", {"own": True}, ""),
        ("ContainerArchive", {"own": True, "running": True}, ROOT),
        ("ImageInspect", {"images": ("app",)}, ""),
        ("SwarmInit", {"unrestricted": True}, ROOT),
        ("SwarmInspect", {}, ROOT),
        ("ImageLoad", {"unrestricted": True}, "replace images that others use"),
        ("NetworkCreate", {"unrestricted": True}, ""),
        ("SwarmLeave", {}, "reach objects that they did not create"),
        ("PodKillLibpod", {"pods": ("a1",)}, "reach objects that they did not create"),
    ],
)
def test_what_a_line_gives_away_is_said_where_clients_own_what_they_create(
    name: str, conditions: dict[str, Value], danger: str
) -> None:
    assert describe_danger(name, conditions, places=Places({"/workspace": "/etc"}), owns=True) == danger


def test_without_owners_only_what_is_joined_is_said_to_be_of_others() -> None:
    assert describe_danger("ContainerCreate", {"volumes": ("x",)}) == ""
    assert describe_danger("ContainerCreate", {"joins": ("x",)}) == "use containers that they did not create"


INSTEAD = f"to allow it, leave that out; or, to let clients {ROOT}, remove its line and add"


@for_each(
    ("host", "said"),
    [
        ({"Privileged": True}, f'{INSTEAD} "ContainerCreate: unrestricted" to "allow" of socket "ci"'),
        ({"Binds": ["/:/h"]}, f'{INSTEAD} "ContainerCreate: {{binds: [/]}}" to "allow" of socket "ci"'),
        ({"Binds": ["/srv/a/..:/h"]}, "to allow it, first use a clean path, without .., // or a colon"),
        ({"Binds": ["/run/user/7/docker.sock:/h"]}, f"{INSTEAD} "),
        (
            {"Binds": ["/srv:/h"]},
            'to allow it, remove its line and add "ContainerCreate: {binds: [/srv]}" to "allow" of socket "ci"',
        ),
    ],
)
def test_what_may_be_done_instead_comes_first(host: dict[str, object], said: str) -> None:
    content = json.dumps({"Image": "app", "HostConfig": host}).encode()
    policy = sockets_of("sockets: {ci: {path: /ci.sock, allow: [preset:ping, ContainerCreate]}}")["ci"].policy
    judged = send(policy, Asked(OPERATIONS["ContainerCreate"], "/containers/create", content), take_for_name)
    assert isinstance(judged, Verdict)
    assert f"; {said}" in judged.decision.message


@for_each(
    ("own", "listed"),
    [("", "{binds: [/srv], volumes: [data], networks: [default, net]}"), ("own, ", "{binds: [/srv]}")],
)
def test_names_are_not_proposed_where_they_are_most_likely_of_what_the_client_created(own: str, listed: str) -> None:
    host = {"Binds": ["/srv:/h", "data:/d"], "NetworkMode": "net"}
    content = json.dumps({"Image": "app", "HostConfig": host}).encode()
    policy = sockets_of(f"sockets: {{ci: {{path: /ci.sock, allow: [{own}ContainerCreate]}}}}")["ci"].policy
    judged = send(policy, Asked(OPERATIONS["ContainerCreate"], "/containers/create", content), take_for_name)
    assert isinstance(judged, Verdict)
    assert f'add "ContainerCreate: {listed}" to' in judged.decision.message


@pytest.mark.parametrize("own", ["", "own, "])
def test_a_line_that_opens_the_internet_says_so(own: str) -> None:
    line = "ContainerCreate: {networks: [egress]}"
    policy = sockets_of(f"sockets: {{ci: {{path: /ci.sock, allow: [{own}{line}]}}}}")["ci"].policy
    judged = send(
        policy, Asked(OPERATIONS["ContainerCreate"], "/containers/create", b'{"Image": "app"}'), take_for_name
    )
    assert isinstance(judged, Verdict)
    says = "to allow it, join a listed network; or, to let clients use the internet by the engine's default network, "
    assert says in judged.decision.message


def test_a_line_that_is_wider_than_its_request_says_for_how_much_it_is() -> None:
    hint = partial(hint_of, allowing("preset:ping").policy)
    assert hint("ContainerLogs").startswith('to allow it for every container, add "ContainerLogs"')
    assert hint("ContainerExec").startswith('to allow it for every container if contained, add "ContainerExec"')
    assert hint("SystemPruneLibpod").startswith('to allow it and everything else, add "SystemPruneLibpod: unrestr')
    hint = partial(hint_of, allowing("ContainerStart: {own: true}").policy)
    assert hint("SystemPruneLibpod").startswith(
        "to allow it and let clients reach objects that they did not create, add"
    )
    assert hint("ContainerLogs").startswith('to allow it for what clients created, add "ContainerLogs: {own')


def test_a_denial_that_would_be_removed_says_what_the_grants_below_it_give_away() -> None:
    allow, deny = "['containers:write': unrestricted, 'networks:read']", "[ContainerCreate, NetworkList]"
    text = f"sockets: {{ci: {{path: /ci.sock, allow: {allow}, deny: {deny}}}}}"
    policy = sockets_of(text)["ci"].policy
    assert (
        f'; to allow it and let clients {ROOT}, remove "ContainerCreate" from' in policy.deny("ContainerCreate").message
    )
    assert '; to allow it, remove "NetworkList" from' in policy.deny("NetworkList").message


WIDE = ("containers:write: unrestricted", "images:write: unrestricted", "networks:write", "preset:portainer", "own")
DENIED = ("containers:write", "images:write", "networks:write", "preset:compose", "preset:dockge", "ContainerCreate")


@given(*(st.lists(st.sampled_from(lines), min_size=1, max_size=2, unique=True) for lines in (WIDE, DENIED)), st.data())
def test_without_a_denial_that_is_to_be_removed_there_are_others_or_none(
    allow: list[str], deny: list[str], data: st.DataObject
) -> None:
    before = load_lines(write_lines(allow, deny))
    if before is None:
        return
    denied = {name for denial in before.policy.policy.denials for name in denial.operations}
    granted = {name for grant in before.policy.policy.grants for name in grant.operations}
    name = data.draw(st.sampled_from(sorted(denied & granted) or sorted(denied)))
    said = before.policy.deny(name).message
    found = re.search(r"; (to allow it.*), remove \"(.*)\" from \"deny\"", said)
    assert found, said
    after = load_lines(write_lines(allow, [each for each in deny if each != found[2]]))
    assert after is not None, said
    assert after.policy.allows(name) or f'remove "{found[2]}"' not in after.policy.deny(name).message, said
    check_root(found[1], "", before.policy, after.policy)


def list_proposals(policy: CompiledPolicy, asked: Asked) -> Iterator[tuple[str, str]]:
    """Yield what is proposed for a denied request: the sentence, and the line."""
    judged = send(policy, asked, take_for_name)
    if isinstance(judged, Verdict) and not judged.decision.allowed:
        yield from PROPOSED.findall(judged.decision.reason or judged.decision.message)
    tried = try_request(policy, asked.operation.method, asked.target, asked.content)
    if isinstance(tried, Tried) and not tried.decision.allowed:
        said = [text for _, text in find_change(policy.policy, tried, "web", "policy.yaml")]
        yield from ((sentence, line.removeprefix("- ")) for sentence, line in pairwise(said))


def list_learned(seen: Record) -> Iterator[tuple[str, str]]:
    """Yield what learning and `suggest` propose for a request: the comments, and the line below them."""
    learner = Learner(SOCKET)
    learner.note(seen, NOON)
    for grant in learner.learned().grants:
        yield " ".join(write_grants([grant])), write_grant(grant.operation, grant.conditions)


@given(ANY, st.data())
def test_whatever_is_proposed_for_a_request_says_what_it_gives_away(asked: Asked, data: st.DataObject) -> None:
    learned = send(NOTHING, asked, take_for_name)
    if not isinstance(learned, Verdict):
        return
    policy = load(*data.draw(st.lists(grants(record(learned)), max_size=1)))
    if policy is None:
        return
    for sentence, line in list_proposals(policy, asked):
        proposed = load(line)
        assert proposed is not None, line
        check_root(sentence, line, policy, proposed)
        check_others(sentence, policy, proposed)
    for sentence, line in list_learned(record(learned)):
        proposed = load(line)
        assert proposed is not None, line
        check_root(sentence, line, allowing("preset:ping"), proposed)


def check_root(sentence: str, line: str, before: CompiledPolicy, proposed: CompiledPolicy) -> None:
    chain = find_root(proposed)
    is_new = chain.extent > find_root(before).extent
    if is_new and chain.extent >= Extent.MAY and not any(why.startswith(IN_ITSELF) for why in chain.reasons):
        assert "of the host" in sentence or ROOT in sentence, (sentence, line, chain)
    is_privileged = line.startswith("ContainerExec")  # Of use to those who may start commands.
    assert ROOT not in sentence or chain.extent >= Extent.MAY or is_privileged, (sentence, line)


def check_others(sentence: str, before: CompiledPolicy, proposed: CompiledPolicy) -> None:
    told = {each.says for each in find_exposures(before)}
    others = [each for each in find_exposures(proposed) if each.of_others and each.says not in told]
    if any(not each.restrictions(case) for each in others for those in each.cases.values() for case in those):
        assert "let clients" in sentence or " for every " in sentence, (sentence, others)
