"""What a policy can is never less than a test shows, and never less with one grant more."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import GRANTS, policies, policy_of

from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.config.presets import PRESETS, find_preset
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.registry import CONSTRAINTS
from dockerproxy.policy.model import Grant, Mode, Policy
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.vocabulary import UNRESTRICTED, find_words
from dockerproxy.workbench.chains import NOTHING, Chain, find_chains
from dockerproxy.workbench.consequences import CONSEQUENCES, Extent
from dockerproxy.workbench.exposure import find_exposures
from dockerproxy.workbench.trying import Tried, try_request

NO, OWNED, MAY, SOME, YES = Extent


def chains_of(*allow: str, **more: str) -> Mapping[str, Chain]:
    """Return what a socket can that allows these items, written as in a policy file."""
    fields = {"path": "/run/a.sock", **more, "allow": [*map(json.loads, map(_quote, allow))]}
    return find_chains(read_policy(json.dumps({"sockets": {"a": fields}}), "policy.yaml").sockets[0].policy)


def _quote(item: str) -> str:
    return item if item.startswith("{") else json.dumps(item)


def extents_of(policy: CompiledPolicy) -> list[Extent]:
    return [chain.extent for chain in find_chains(policy).values()]


ANY = '{"ContainerCreate": "unrestricted"}'
TO_CRON = '{"ContainerCreate": {"binds": ["/etc/cron.d"]}}'
TO_DATA = '{"ContainerCreate": {"binds": ["/srv/data"]}}'
TO_VOLUMES = '{"ContainerCreate": {"volumes": ["ci_*"]}}'
VOLUME = '{"VolumeCreate": "unrestricted"}'
SERVICE = '{"ServiceCreate": "unrestricted"}'
PRIVILEGED = '{"ContainerExec": {"own": true, "options": ["privileged"]}}'


@pytest.mark.parametrize(
    ("allow", "root"),
    [
        ([ANY], MAY),
        ([ANY, "ContainerStart"], YES),
        ([ANY, "ContainerRestart"], YES),
        ([ANY, "PutContainerArchive"], YES),
        ([ANY, '{"ContainerStart": {"own": true}}'], YES),
        ([ANY, "PodStartLibpod"], MAY),
        (['{"PodCreateLibpod": "unrestricted"}', "PodStartLibpod"], YES),
        ([ANY, '{"ContainerStart": {"containers": ["web"]}}'], MAY),
        (["ContainerCreate", "ContainerStart", "PutContainerArchive", "ContainerLogs"], MAY),
        (["ContainerCreate", "ContainerStart"], NO),
        (["own", "ContainerCreate"], NO),
        ([TO_CRON], MAY),
        ([TO_CRON, "ContainerStart"], YES),
        ([TO_DATA, "ContainerStart"], MAY),
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
        ([PRIVILEGED, '{"ExecStart": {"own": true}}'], MAY),
        (["PutContainerArchive"], MAY),
        (['{"PutContainerArchive": {"own": true}}'], NO),
        (["ContainerUpdate"], NO),
        (['{"ContainerUpdate": "unrestricted"}'], MAY),
        (["ContainerUpdateLibpod"], MAY),
        (['{"ContainerUpdateLibpod": {"changes": ["memory"]}}'], NO),
        (['{"KubePlayLibpod": "unrestricted"}'], YES),
        (['{"SecretCreateLibpod": "unrestricted"}'], YES),
        (['{"ImageBuild": "unrestricted"}'], MAY),
        (["ImageBuild"], NO),
        (['{"ImageBuild": {"tags": ["**"]}}'], MAY),
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
    assert chains_of(*allow)["root"].extent is root


@pytest.mark.parametrize(
    ("allow", "word", "extent"),
    [
        (["ContainerArchive"], "files", YES),
        (['{"ContainerArchive": {"containers": ["web"]}}'], "files", SOME),
        (['{"ContainerArchive": {"containers": ["**"]}}'], "files", YES),
        (['{"ContainerArchive": {"own": true}}'], "files", OWNED),
        (['{"ImageCommit": "unrestricted"}'], "files", YES),
        ([TO_DATA, "ContainerStart"], "files", SOME),
        ([ANY, "ContainerArchive"], "files", YES),
        (["ContainerLogs"], "files", NO),
        (["ContainerLogs"], "secrets", MAY),
        (["ContainerInspect"], "secrets", YES),
        (['{"ContainerInspect": {"labelled": {"a": "b"}}}'], "secrets", SOME),
        (["ContainerTop"], "secrets", YES),
        (['{"ContainerTop": {"ps_args": ["-ef"]}}'], "secrets", NO),
        (['{"ContainerExec": {"containers": ["web"]}}', "ExecStart"], "commands", SOME),
        (["ContainerExec", '{"ExecStart": {"containers": ["web"]}}'], "commands", SOME),
        (["ContainerAttach"], "commands", MAY),
        (['{"ContainerAttach": {"stdin": false}}'], "commands", NO),
        (["ContainerCreate", "ContainerStart"], "commands", OWNED),
        (["ContainerCreate", "ContainerStart"], "network", YES),
        (['{"ContainerCreate": {"networks": ["ci"]}}', "ContainerStart"], "network", SOME),
        (['{"ContainerCreate": {"networks": ["none"]}}', "ContainerStart"], "network", NO),
        (["DistributionInspect"], "network", YES),
        (['{"ImageCreate": {"from": ["ghcr.io/acme/*"]}}'], "network", SOME),
        (["NetworkCreate"], "create", YES),
        (['{"NetworkConnect": {"own": true}}'], "network", MAY),
        (["containers:read"], "create", NO),
    ],
)
def test_how_much_of_it_a_grant_gives(allow: list[str], word: str, extent: Extent) -> None:
    assert chains_of(*allow)[word].extent is extent


def test_what_it_made_is_enough_to_start_it() -> None:
    allowed = chains_of(ANY, '{"ContainerStart": {"own": true}}', '{"ContainerArchive": {"own": true}}')
    assert allowed["root"].extent is YES
    assert chains_of('{"ContainerStart": {"own": true}}', '{"ContainerArchive": {"own": true}}')["root"] == NOTHING


OF_ANY_OBJECT = (
    *("CheckpointCreate", "CheckpointDelete", "ContainerRestoreLibpod", "ServiceUpdate", "ContainerUpdate"),
    *("ContainerUpdateLibpod", "VolumeImportLibpod"),
)


@pytest.mark.parametrize("name", OF_ANY_OBJECT)
@pytest.mark.parametrize("condition", [{"own": True}, {"labelled": {"a": "b"}}])
def test_own_is_no_less_of_root(name: str, condition: dict[str, object]) -> None:
    grant = json.dumps({name: {**condition, **({"unrestricted": True} if name in CONTAINED else {})}})
    assert chains_of(grant)["root"].extent >= MAY


def test_a_chain_is_the_shortest_and_names_its_lines() -> None:
    chain = chains_of("ContainerStart", VOLUME, ANY)["root"]
    assert [(link.operation, link.source) for link in chain.links] == [
        ("ContainerCreate", "ContainerCreate (policy.yaml:1)"),
        ("ContainerStart", "ContainerStart (policy.yaml:1)"),
    ]
    assert chain.reasons == ()
    (link,) = chains_of('{"ContainerArchive": {"containers": ["web"]}}')["files"].links
    assert link.says.endswith("if the container is web")


def test_a_socket_that_denies_nothing_can_do_everything() -> None:
    for mode in ("report", "learn"):
        assert {chain.extent for chain in chains_of("ContainerList", mode=mode).values()} == {YES}


def test_what_is_hidden_is_not_read() -> None:
    fields = {"path": "/run/a.sock", "allow": ["ContainerInspect", "ImageInspect", "ServiceList"]}
    text = json.dumps({"sockets": {"a": {**fields, "hide": ["environment", "arguments"]}}})
    assert find_chains(read_policy(text, "policy.yaml").sockets[0].policy)["secrets"] == NOTHING


# Properties

OF_OWN = st.builds(
    lambda name, more: Grant(frozenset({name}), "C=1", (Condition(CONSTRAINTS[OWN], value=True), *more)),
    st.sampled_from([name for name, operation in OPERATIONS.items() if OWN in find_words(operation)]),
    st.sampled_from([(), (UNRESTRICTED,)]),
)


@given(policies(), GRANTS | OF_OWN)
def test_one_grant_more_takes_nothing_away(policy: Policy, grant: Grant) -> None:
    policy = replace(policy, owner="me")
    before = extents_of(compile_policy(policy))
    after = extents_of(compile_policy(replace(policy, grants=(*policy.grants, grant))))
    assert all(was <= now for was, now in zip(before, after, strict=True))


@given(policies())
def test_what_check_calls_root_is_never_no(policy: Policy) -> None:
    compiled = compile_policy(policy)
    if any("root on" in exposure.says for exposure in find_exposures(compiled)):
        assert find_chains(compiled)["root"].extent >= MAY


@pytest.mark.parametrize(
    "name", [name for name, each in OPERATIONS.items() if "root on" in each.says or "host director" in each.says]
)
def test_what_the_catalog_calls_root_is_never_no(name: str) -> None:
    if name != "CheckpointList":  # It only reads names.
        assert find_chains(policy_of(ALLOW=name))["root"].extent >= MAY


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
    if find_chains(compiled)["root"].extent is NO:
        for method, target, body in GRAVEST:
            tried = try_request(compiled, method, target, None if body is None else json.dumps(body).encode())
            assert not (isinstance(tried, Tried) and tried.decision.allowed), target


@given(policies())
def test_a_chain_has_only_what_the_policy_allows(policy: Policy) -> None:
    compiled = compile_policy(policy)
    for chain in find_chains(compiled).values():
        assert (chain.extent is NO) == (not chain.links)
        for link in chain.links:
            assert link.source in {case.decision.source for case in compiled.cases[link.operation]}


def test_contained_grants_alone_are_never_root_for_sure() -> None:
    grant = Grant(frozenset(CONTAINED), "x", ())
    assert find_chains(compile_policy(Policy(grants=(grant,), denials=(), hint=str)))["root"].extent is MAY
    opened = grant._replace(conditions=(UNRESTRICTED,))
    assert find_chains(compile_policy(Policy(grants=(opened,), denials=(), hint=str)))["root"].extent is YES


# Presets

CAN = """
# preset                     root commands files secrets create network
acme-companion               may  yes  yes  yes  may  yes
ai-agent                     no   own  own  may  yes  yes
alloy                        no   no   no   yes  no   no
ansible                      yes  yes  yes  yes  yes  yes
arcane                       yes  yes  yes  yes  yes  yes
authentik                    no   own  own  some yes  some
autoheal                     no   no   no   no   no   no
beszel                       no   no   no   yes  no   no
buildkit                     may  may  may  may  yes  yes
caddy-docker-proxy           no   no   no   yes  no   no
caddy-docker-proxy-swarm     no   no   no   yes  no   no
cadvisor                     no   no   no   yes  no   no
ci                           may  may  may  may  yes  yes
compose                      may  may  some yes  yes  yes
crowdsec                     no   no   no   yes  no   no
crowdsec-swarm               no   no   no   yes  no   no
datadog-agent                no   no   no   yes  no   no
devcontainers                may  may  may  may  yes  yes
diun                         no   no   no   yes  no   no
diun-swarm                   no   no   no   yes  no   no
docker-gen                   no   no   no   yes  no   no
docker-gen-notify            no   no   no   yes  no   no
docker-volume-backup         no   no   no   no   no   no
docker-volume-backup-exec    may  yes  yes  yes  may  yes
docker-volume-backup-swarm   may  may  may  yes  yes  may
dockerspawner                no   own  own  some yes  yes
dockge                       yes  yes  yes  yes  yes  yes
dockhand                     yes  yes  yes  yes  yes  yes
dozzle                       no   no   no   yes  no   no
dozzle-actions               no   no   no   yes  no   no
dozzle-shell                 may  yes  yes  yes  may  yes
fluent-bit                   no   no   no   no   no   no
forgejo-runner               may  may  may  may  yes  yes
github-runner                yes  yes  yes  yes  yes  yes
gitlab-runner                no   own  own  may  yes  yes
glances                      no   no   no   yes  no   no
homarr                       no   no   no   yes  no   no
homarr-actions               no   no   no   yes  no   no
homepage                     no   no   no   yes  no   no
homepage-swarm               no   no   no   yes  no   no
jenkins                      no   own  own  may  yes  yes
llm-sandbox                  no   own  own  may  yes  yes
loggifly                     no   no   no   yes  no   no
loggifly-actions             no   no   no   yes  no   no
monitor-docker               no   no   no   yes  no   no
monitor-docker-switches      no   no   no   yes  no   no
netdata                      no   no   no   yes  no   no
newt                         no   no   no   yes  no   no
ofelia                       may  yes  yes  yes  may  yes
ofelia-run                   may  yes  yes  yes  yes  yes
openhands                    no   own  own  may  yes  yes
ping                         no   no   no   no   no   no
podman-exporter              no   no   no   may  no   no
portainer                    yes  yes  yes  yes  yes  yes
portainer-read-only          no   no   no   yes  no   no
prometheus                   no   no   no   no   no   no
prometheus-swarm             no   no   no   yes  no   no
read-only                    no   no   no   yes  no   no
sablier                      no   no   no   yes  no   no
swarm-cronjob                may  may  may  yes  yes  yes
telegraf                     no   no   no   yes  no   no
telegraf-logs                no   no   no   yes  no   no
telegraf-swarm               no   no   no   yes  no   no
testcontainers               may  may  may  may  yes  yes
tinyauth                     no   no   no   yes  no   no
traefik                      no   no   no   yes  no   no
traefik-swarm                no   no   no   yes  no   no
tsdproxy                     no   no   no   yes  no   no
uptime-kuma                  no   no   no   yes  no   no
vector                       no   no   no   yes  no   no
watchtower                   yes  yes  yes  yes  yes  yes
watchtower-monitor           no   no   no   yes  yes  yes
woodpecker                   no   own  some yes  yes  yes
wud                          no   no   no   yes  no   no
wud-update                   yes  yes  yes  yes  yes  yes
zabbix-agent2                no   no   no   yes  no   no
"""


def test_what_each_preset_can() -> None:
    rows = [row.split() for row in CAN.strip().splitlines()]
    assert rows[0] == ["#", "preset", *CONSEQUENCES]
    found = {
        name: [
            str(each)
            for each in extents_of(
                compile_policy(Policy(grants=find_preset(name).grants, denials=(), hint=str, owner="me"))
            )
        ]
        for name in PRESETS
    }
    assert found == {name: extents for name, *extents in rows[1:]}


EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("policy.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_no_client_of_an_example_is_root_for_sure(path: Path) -> None:
    sockets = [
        each for each in read_policy(path.read_text(), "policy.yaml").sockets if each.policy.mode is Mode.ENFORCE
    ]
    assert sockets
    assert [each.name for each in sockets if find_chains(each.policy)["root"].extent is YES] == []


def test_images_that_a_grant_lists_are_not_only_own_ones() -> None:
    inspects, pulls = '{"ImageInspect": {"own": true}}', '{"ImageCreate": {"from": ["docker.io/library/nginx"]}}'
    assert chains_of(inspects)["secrets"].extent is OWNED
    assert chains_of(inspects, pulls)["secrets"].extent is MAY
