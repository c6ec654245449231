"""Root on the host is never less than a test shows, and never less with one grant more."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import GRANTS, policies, policy_of
from rows import for_each

from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.config.presets import PRESETS, find_preset
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.model import Grant, Mode, Policy, Source
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.vocabulary import CONSTRAINTS, UNRESTRICTED, find_words
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.running import COPYING_FILES
from dockerproxy.tenancy.own import Own
from dockerproxy.workbench.chains import MAKERS, NOTHING, RULES, Chain, Extent, describe_root, find_root
from dockerproxy.workbench.exposure import GIVING, find_exposures
from dockerproxy.workbench.trying import Tried, try_request

NO, MAY, YES = Extent.NO, Extent.MAY, Extent.YES


def root_of(*allow: str, **more: str) -> Chain:
    """Return how a socket gives root that allows these items, written as in a policy file."""
    fields = {"path": "/run/a.sock", **more, "allow": [*map(json.loads, map(_quote, allow))]}
    return find_root(read_policy(json.dumps({"sockets": {"a": fields}}), "policy.yaml").sockets[0].policy)


def _quote(item: str) -> str:
    return item if item.startswith("{") else json.dumps(item)


ANY = '{"ContainerCreate": "unrestricted"}'
TO_CRON = '{"ContainerCreate": {"binds": ["/etc/cron.d"]}}'
TO_DATA = '{"ContainerCreate": {"binds": ["/srv/data"]}}'
BOUND_EXEC = '{"ContainerExec": {"user": "client"}}'
TO_VOLUMES = '{"ContainerCreate": {"volumes": ["ci_*"]}}'
VOLUME = '{"VolumeCreate": "unrestricted"}'
SERVICE = '{"ServiceCreate": "unrestricted"}'


@for_each(
    ("allow", "root"),
    [
        ([ANY], MAY),
        ([ANY, "ContainerStart"], YES),
        ([ANY, "ContainerRestart"], YES),
        ([ANY, "PutContainerArchive"], MAY),
        ([ANY, '{"PutContainerArchive": "unrestricted"}'], YES),
        ([ANY, '{"ContainerStart": {"own": true}}'], YES),
        ([ANY, "PodStartLibpod"], MAY),
        (['{"PodCreateLibpod": "unrestricted"}', "PodStartLibpod"], YES),
        ([ANY, '{"ContainerStart": {"containers": ["web"]}}'], MAY),
        (["ContainerCreate", "ContainerStart", "PutContainerArchive", "ContainerLogs"], MAY),
        (["ContainerCreate", "ContainerStart"], NO),
        (["own", "ContainerCreate"], NO),
        ([TO_CRON], MAY),
        ([TO_CRON, "ContainerStart"], YES),
        ([TO_DATA, "ContainerStart"], YES),
        ([TO_DATA], MAY),
        ([TO_DATA.replace("]}", '], "user": "client"}'), "ContainerStart"], MAY),
        ([TO_DATA.replace("]}", '], "user": "client"}'), "ContainerStart", "ContainerExec", "ExecStart"], YES),
        ([TO_DATA.replace("]}", '], "user": "client"}'), "ContainerStart", BOUND_EXEC, "ExecStart"], MAY),
        (['{"ContainerCreate": {"binds": ["/var/run/docker.sock:ro"]}}', "ContainerStart"], YES),
        (['{"ContainerCreate": {"binds": ["/etc/cron.d:ro"]}}', "ContainerStart"], NO),
        (['{"ContainerCreate": {"binds": ["/etc/**:ro"]}}', "ContainerStart"], MAY),
        (['{"ContainerCreate": {"binds": ["/home:ro"]}}', "ContainerStart"], MAY),
        (['{"ContainerCreate": {"binds": ["/etc/ssh/ssh_host_rsa_key:ro"]}}', "ContainerStart"], MAY),
        (['{"ContainerCreate": {"add_capabilities": ["SYS_ADMIN"]}}', "ContainerStart"], YES),
        (['{"ContainerCreate": {"add_capabilities": ["SYS_BOOT"]}}', "ContainerStart"], MAY),
        ([VOLUME], MAY),
        ([VOLUME, TO_VOLUMES, "ContainerStart"], MAY),
        (['{"VolumeCreateLibpod": "unrestricted"}', '{"VolumeImportLibpod": "unrestricted"}'], YES),
        (["VolumeCreate", TO_VOLUMES, "ContainerStart"], NO),
        ([SERVICE], MAY),
        ([SERVICE, '{"SwarmInit": "unrestricted"}'], YES),
        (['{"PluginPull": "unrestricted"}'], MAY),
        (['{"PluginPull": "unrestricted"}', "PluginEnable"], YES),
        (["PluginEnable"], MAY),
        (["ContainerExec", "ExecStart"], MAY),
        (["ExecStart"], MAY),
        (["ContainerExec"], NO),
        (['{"ContainerExec": {"own": true}}', '{"ExecStart": {"own": true}}'], NO),
        (["PutContainerArchive"], MAY),
        (['{"PutContainerArchive": {"own": true}}'], NO),
        (["own"], NO),
        *(([f'{{"{name}": {{"own": true, "running": true}}}}'], YES) for name in sorted(COPYING_FILES)),
        (["ContainerUpdate"], NO),
        (['{"ContainerUpdate": "unrestricted"}'], MAY),
        (['{"KubePlayLibpod": "unrestricted"}'], YES),
        (['{"SecretCreateLibpod": "unrestricted"}'], YES),
        (['{"ImageBuild": "unrestricted"}'], MAY),
        (['{"ImageBuild": {"tags": ["ci/*"]}}'], NO),
        (['{"ImageCommit": "unrestricted"}'], MAY),
        (['{"CheckpointCreate": "unrestricted"}'], MAY),
        (["CheckpointCreate"], NO),
        (['{"ContainerStart": "unrestricted"}'], NO),
        (['{"ContainerStart": "unrestricted"}', "ContainerCreate"], MAY),
        (["SwarmInspect"], MAY),
        (["containers:read"], NO),
    ],
)
def test_root_by_a_combination(allow: list[str], root: Extent) -> None:
    assert root_of(*allow).extent is root


def test_what_it_made_is_enough_to_start_it() -> None:
    assert root_of(ANY, '{"ContainerStart": {"own": true}}', '{"ContainerArchive": {"own": true}}').extent is YES
    assert root_of('{"ContainerStart": {"own": true}}', '{"ContainerArchive": {"own": true}}') == NOTHING


OF_ANY_OBJECT = (
    *("CheckpointCreate", "CheckpointDelete", "ContainerRestoreLibpod", "ServiceUpdate", "ContainerUpdate"),
    *("ContainerUpdateLibpod", "VolumeImportLibpod"),
)


@for_each("name", OF_ANY_OBJECT)
@for_each("condition", [{"own": True}, {"labelled": {"a": "b"}}])
def test_own_is_no_less_of_root(name: str, condition: dict[str, object]) -> None:
    grant = json.dumps({name: {**condition, **({"unrestricted": True} if name in CONTAINED else {})}})
    assert root_of(grant).extent >= MAY


def test_a_chain_is_the_shortest_and_names_its_lines() -> None:
    chain = root_of("ContainerStart", VOLUME, ANY)
    assert [(link.operation, str(link.source)) for link in chain.links] == [
        ("ContainerCreate", "ContainerCreate (policy.yaml:1)"),
        ("ContainerStart", "ContainerStart (policy.yaml:1)"),
    ]
    assert chain.reasons == ()


@pytest.mark.parametrize(
    ("allow", "says"),
    [
        (["ContainerList"], "no"),
        ([TO_CRON, "own"], "yes, by ContainerCreate (policy.yaml:1) and ContainerStart of own (policy.yaml:1)"),
        ([SERVICE], "maybe, by ServiceCreate (policy.yaml:1); if the engine manages a swarm"),
    ],
)
def test_the_verdict_names_the_grants_that_give_it_together(allow: list[str], says: str) -> None:
    text = json.dumps({"sockets": {"a": {"path": "/run/a.sock", "allow": [*map(json.loads, map(_quote, allow))]}}})
    assert describe_root(read_policy(text, "policy.yaml").sockets[0].policy) == f"root on the host: {says}"


@pytest.mark.parametrize("mode", ["report", "learn"])
def test_a_socket_that_denies_nothing_gives_root(mode: str) -> None:
    assert root_of("ContainerList", mode=mode).extent is YES


# Properties

OF_OWN = st.builds(
    lambda name, more: Grant(frozenset({name}), Source("C=1"), (Condition(CONSTRAINTS[OWN], value=True), *more)),
    st.sampled_from([name for name, operation in OPERATIONS.items() if OWN in find_words(operation)]),
    st.sampled_from([(), (UNRESTRICTED,)]),
)


@given(policies(), GRANTS | OF_OWN)
def test_one_grant_more_takes_nothing_away(policy: Policy, grant: Grant) -> None:
    policy = policy._replace(tenancy=Own("me"))
    before = find_root(compile_policy(policy))
    after = find_root(compile_policy(policy._replace(grants=(*policy.grants, grant))))
    assert before.extent <= after.extent


@given(policies())
def test_what_check_calls_root_is_never_no(policy: Policy) -> None:
    compiled = compile_policy(policy)
    if any("root on" in exposure.says for exposure in find_exposures(compiled)):
        assert find_root(compiled).extent >= MAY


@for_each("name", [name for name, each in OPERATIONS.items() if "root on" in each.says or "host director" in each.says])
def test_what_the_catalog_calls_root_is_never_no(name: str) -> None:
    if name != "CheckpointList":  # It only reads names.
        assert find_root(policy_of(ALLOW=name)).extent >= MAY


HOST = {"Image": "busybox", "HostConfig": {"Binds": ["/:/host"], "Privileged": True}}
GRAVEST: tuple[tuple[str, str, object], ...] = (
    ("POST", "/containers/create", HOST),
    ("POST", "/services/create", {"Name": "a", "TaskTemplate": {"ContainerSpec": {"Mounts": [{"Source": "/"}]}}}),
    ("POST", "/volumes/create", {"Name": "a", "DriverOpts": {"device": "/", "o": "bind", "type": "none"}}),
    ("POST", "/containers/web/checkpoints", {"CheckpointID": "a", "CheckpointDir": "/etc"}),
    ("POST", "/plugins/pull?remote=x/y&name=x", []),
    ("POST", "/plugins/x/enable", None),
    ("POST", "/libpod/play/kube", None),
    ("POST", "/libpod/kube/play", None),
    ("POST", "/libpod/quadlets", None),
    ("POST", "/libpod/local/build?localcontextdir=/", None),
    ("POST", "/libpod/secrets/create?name=a&driver=shell", None),
    ("POST", "/exec/4f5e/start", {}),
    ("GET", "/containers/web/attach/ws?stdin=1", None),
    ("POST", "/swarm/join", {}),
    ("GET", "/swarm/unlockkey", None),
)


@given(policies())
def test_who_cannot_be_root_is_refused_the_gravest_requests(policy: Policy) -> None:
    compiled = compile_policy(policy)
    if find_root(compiled).extent is NO:
        for method, target, body in GRAVEST:
            tried = try_request(compiled, method, target, None if body is None else json.dumps(body).encode())
            assert not (isinstance(tried, Tried) and tried.decision.allowed), target


@given(policies())
def test_a_chain_has_only_what_the_policy_allows(policy: Policy) -> None:
    compiled = compile_policy(policy)
    chain = find_root(compiled)
    assert (chain.extent is NO) == (not chain.links)
    for link in chain.links:
        assert link.source in {case.source for case in compiled.cases[link.operation]}


def test_contained_grants_alone_are_never_root_for_sure() -> None:
    grant = Grant(frozenset(CONTAINED), Source("x"), ())
    assert find_root(compile_policy(Policy(grants=(grant,), denials=()))).extent is MAY
    opened = grant._replace(conditions=(UNRESTRICTED,))
    assert find_root(compile_policy(Policy(grants=(opened,), denials=()))).extent is YES


# Presets

ROOT = {
    YES: "ansible arcane dockge dockhand forgejo-runner github-runner llm-sandbox portainer watchtower wud-update",
    MAY: (
        "acme-companion compose docker-volume-backup-exec docker-volume-backup-swarm "
        "dozzle-shell ofelia ofelia-run swarm-cronjob"
    ),
}
"""The presets that give root on the host; others do not."""


@for_each("name", PRESETS)
def test_a_preset_gives_root_only_if_it_is_listed(name: str) -> None:
    policy = Policy(grants=find_preset(name).grants, denials=(), tenancy=Own("me"))
    listed = (extent for extent, names in ROOT.items() if name in names.split())
    assert find_root(compile_policy(policy)).extent is next(listed, NO)


EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("policy.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_no_client_of_an_example_is_root_for_sure(path: Path) -> None:
    sockets = [
        each for each in read_policy(path.read_text(), "policy.yaml").sockets if each.policy.mode is Mode.ENFORCE
    ]
    assert sockets
    assert [each.name for each in sockets if find_root(each.policy).is_root] == []


GIVEN = {
    f"{fact}@{MAKERS[name]}" if name in MAKERS and fact != "root" else fact
    for exposure in GIVING
    for name in exposure.names
    for fact in (given.removesuffix("?") for given in exposure.gives)
}
DERIVED = {rule.fact.removesuffix("?") for rule in RULES}


def test_every_operation_of_a_fact_exists() -> None:
    assert {name for exposure in GIVING for name in exposure.names} <= OPERATIONS.keys()
    assert OPERATIONS.keys() >= MAKERS.keys()


def test_what_a_rule_needs_is_given_by_grants_or_by_another_rule() -> None:
    things = {f"@{thing}" for thing in MAKERS.values()}
    for rule in RULES:
        for fact in rule.facts:
            is_of_thing = any(fact.endswith(thing) for thing in things)
            plain = fact.removeprefix("its-")
            bases = {each.partition("@")[0] for each in GIVEN}
            assert plain in GIVEN | DERIVED or (is_of_thing and plain.partition("@")[0] in bases), rule


def test_every_fact_leads_to_root() -> None:
    needed = {fact.removeprefix("its-") for rule in RULES for fact in rule.facts} | {"root"}
    assert {fact for fact in GIVEN if fact not in needed} <= {"volume@pod"}  # Whole, a pod can be anything.
