"""What a policy exposes is said, with the operations that do it, and nothing is said that is not so."""

import re
from collections.abc import Mapping

import pytest
from cli.files import sockets_of
from hypothesis import given
from policy.policies import condition, environments, policy_of, policy_with
from rows import for_each

from dockerproxy.advice import dangers
from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.rows import read_tables
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.model import Grant, Policy, Source
from dockerproxy.policy.places import Places
from dockerproxy.policy.values import Value
from dockerproxy.policy.vocabulary import CONSTRAINTS, UNRESTRICTED
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.workbench.exposure import GIVING, find_exposures, on_host

# What the catalog says of an operation in such words is more than an operator expects of a switch.
GRAVE = re.compile(
    r"root on|any host directory|host directories|folder tree on the host|commands on the host|file of the host"
    r"|any file of any container|all files of a (?:container|volume)\b|types into|any command|any registry"
    r"|passwords?\b|tokens .* in clear"
)
# Which registry this one asks is a condition, and by default it is the one that the engine is configured for.
CONDITIONAL = {"GetPluginPrivileges"}
WORRYING = [name for name, operation in OPERATIONS.items() if GRAVE.search(operation.says) and name not in CONDITIONAL]


def test_the_table_has_no_word_that_is_not_read() -> None:
    keys = {"of", "where", "less by", "about", "hidden by", "needs", "reads", "gives"}
    rows = [row for table in read_tables("exposures", str(dangers.__file__)).values() for row in table]
    assert {row.strip().partition(": ")[0] for row in rows if row.startswith("  ")} == keys
    assert {name for each in GIVING for name in (*each.names, *each.needs)} <= OPERATIONS.keys()
    assert all(each.names for each in GIVING)


@for_each("name", WORRYING)
def test_whatever_the_catalog_says_in_grave_words_is_an_exposure(name: str) -> None:
    assert any(name in exposure.operations for exposure in find_exposures(policy_of(ALLOW=name)))


def test_what_is_open_without_any_setting_exposes_only_what_events_tell() -> None:
    assert [exposure.operations for exposure in find_exposures(policy_of())] == [("SystemEvents",)]
    assert find_exposures(policy_of(EVENTS="0")) == ()


def test_a_denied_operation_exposes_nothing() -> None:
    before = find_exposures(policy_of(CONTAINERS="1", POST="1"))
    denied = before[0].operations
    after = find_exposures(policy_of(CONTAINERS="1", POST="1", DENY=",".join(denied)))
    assert [exposure.says for exposure in after] == [exposure.says for exposure in before[1:]]


@given(environments())
def test_an_exposure_names_operations_that_are_allowed_and_all_of_those(environment: dict[str, str]) -> None:
    policy = policy_of(**environment)
    everything = {exposure.says: exposure for exposure in find_exposures(policy_of(ALLOW=",".join(OPERATIONS)))}
    found = find_exposures(policy)
    for exposure in found:
        assert exposure.operations == tuple(
            name for name in everything[exposure.says].operations if policy.allows(name)
        )
    silent = [exposure for says, exposure in everything.items() if says not in {found.says for found in found}]
    names = [(exposure.operations, exposure.needs) for exposure in silent]
    assert not any(
        any(map(policy.allows, has)) and (not needs or any(map(policy.allows, needs))) for has, needs in names
    )


@for_each(
    ("environment", "part"),
    [
        ({"CONTAINERS": "1"}, "reads any file of any container"),
        ({"CONTAINERS": "1"}, "sees every container's environment"),
        ({"CONTAINERS": "1"}, "reads all output of any container"),
        ({"CONTAINERS": "1", "POST": "1"}, "is root on the host: it can start a container"),
        ({"SERVICES": "1", "POST": "1"}, "is root on every node of the swarm"),
        ({"PLUGINS": "1", "POST": "1"}, "is root on the host: a plugin runs there as root"),
        ({"EXEC": "1", "POST": "1"}, "types into running containers or starts commands there"),
        ({"BUILD": "1", "POST": "1"}, "runs any command in a build"),
        ({"GRPC": "1", "POST": "1"}, "runs any command in a build, with the host's network"),
        ({"SWARM": "1"}, "sees the swarm's join tokens"),
        ({"CONFIGS": "1"}, "reads the contents of every swarm config"),
        ({"DISTRIBUTION": "1"}, "makes the engine connect to any registry it names"),
        ({"TASKS": "1"}, "sees the environment of every service"),
        ({"COMMIT": "1", "POST": "1"}, "reads files of the host that the engine can read"),
        ({"IMAGES": "1", "POST": "1"}, "can replace images that others trust with its own"),
        ({"CONTAINERS": "1", "POST": "1"}, "renames any container"),
    ],
)
def test_an_operator_reads_in_plain_words_what_a_switch_gives_away(environment: dict[str, str], part: str) -> None:
    assert any(exposure.says.startswith(part) for exposure in find_exposures(policy_of(**environment)))


def granting(name: str, **values: Value) -> CompiledPolicy:
    """Return a policy that grants one operation under conditions, contained."""
    conditions = tuple(Condition(CONSTRAINTS[word], value) for word, value in values.items())
    return policy_with(Grant(frozenset({name}), Source("here"), conditions))


def exposed(name: str, **values: Value) -> list[str]:
    given = {"tags": ("ci/*",), **values} if name == "ImageBuild" else values  # It needs some.
    return [exposure.says for exposure in find_exposures(granting(name, **given))]


WITHIN: Mapping[str, Value] = {"memory": "1GiB", "pids": "200", "networks": ("ci",)}
"""What keeps a container to its share of the host, so that nothing else is said of it."""


@for_each("name", sorted(BODIES))
def test_nobody_is_root_by_a_grant_that_is_contained(name: str) -> None:
    assert not any("root on" in says for says in exposed(name))


@for_each(
    ("name", "part"),
    [
        ("ContainerExec", "prepares commands in running containers, as any user"),
        ("ExecStart", "types into running containers or starts commands there"),
        ("PutContainerArchive", "writes any file of any container as root"),
        ("NetworkConnect", "joins any container to a network"),
        ("ImagePush", "makes the engine connect to any registry it names"),
        ("ImageBuild", "runs any command as root in a build, reads every image, replaces those in tags,"),
        ("ImageBuild", "shares the builder: equal steps of two builds, even with secrets"),
        ("ContainerRename", "renames any container; others' grants for the new name then apply to it"),
        ("ContainerCreate", "reaches services of the host and the engine's default network"),
        ("ServiceCreate", "can use up the host's memory or processes"),
    ],
)
def test_what_is_possible_all_the_same_is_said(name: str, part: str) -> None:
    assert any(says.startswith(part) for says in exposed(name))


@for_each(
    ("binds", "parts"),
    [
        (("/srv/ci/cache", "/etc/localtime:ro"), ["makes local users root", "writes in directories of the host"]),
        (("/srv/ci/*",), ["makes local users root", "writes in directories of the host"]),
        (("/srv/ci/**",), ["makes local users root", "writes in directories", "writes everywhere below directories"]),
        (("/srv/ci/**:ro",), []),
        (("/srv/ci:ro",), []),
        (("/etc/**:ro",), []),
        (("/etc/*",), ["is root on the host", "makes local users root", "writes in"]),
        (("/",), ["is root on the host", "makes local users root", "writes in"]),
        (("/**:ro",), ["is root on the host"]),
        (("/var/run/docker.sock:ro",), ["is root on the host"]),
        (("/run/*.sock:ro",), ["is root on the host"]),
        (("/usr/bin",), ["is root on the host", "makes local users root", "writes in"]),
    ],
)
def test_what_is_mounted_may_give_the_host_away(binds: tuple[str, ...], parts: list[str]) -> None:
    for name in ("ContainerCreate", "ServiceCreate"):
        found = exposed(name, binds=binds, **WITHIN)
        assert [next(part for part in parts if says.startswith(part)) for says in found] == parts


@for_each(
    ("capability", "parts"),
    [
        ("SYS_ADMIN", ["is root on the host"]),
        ("cap_bpf", ["is root on the host"]),
        ("ALL", ["is root on the host"]),
        ("SYS_TIME", ["sets the host's clock"]),
        ("cap_perfmon", ["watches the whole host"]),
        ("SYSLOG", ["watches the whole host"]),
        ("NET_ADMIN", ["can take addresses and traffic of others"]),
        ("NET_RAW", ["can take addresses and traffic of others"]),
        ("SYS_BOOT", ["restarts the host with its own kernel"]),
        ("SYS_PTRACE", []),
        ("CHOWN", []),
    ],
)
def test_a_capability_may_reach_the_host(capability: str, parts: list[str]) -> None:
    for name in ("ContainerCreate", "ServiceUpdate"):
        found = exposed(name, add_capabilities=(capability,), **WITHIN)
        assert [next(part for part in parts if says.startswith(part)) for says in found] == parts


USES = "uses devices or GPUs of the host, whose drivers run in its kernel"
ROOT = "is root on the host if an allowed device is a disk or memory of the host"


@for_each(
    ("devices", "says"),
    [
        *(((each,), [USES]) for each in ("/dev/dri/*", "/dev/nvidia0", "/dev/fuse", "/dev/snd/pcm*", "/dev/net/tun")),
        *(
            ((each,), [ROOT, USES])
            for each in ("/dev/sda", "/dev/n*", "/dev/mem", "/dev/mapper/*", "/dev/dri", "/dev/v*")
        ),
        (("/dev/fuse", "/dev/sd?"), [ROOT, USES]),
    ],
)
def test_a_device_may_reach_the_host(devices: tuple[str, ...], says: list[str]) -> None:
    assert exposed("ContainerCreate", devices=devices, **WITHIN) == says


def test_gpus_are_told() -> None:
    assert exposed("ContainerCreate", gpus="1", **WITHIN) == [USES]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ContainerCreate", WITHIN),
        ("ContainerCreate", {**WITHIN, "user": "not-root"}),
        ("ContainerCreate", {**WITHIN, "user": "any"}),
        ("ServiceCreate", {**WITHIN, "secrets": ("ci_*",)}),
        ("ContainerRename", {"containers": ("ci-*",)}),
        ("ImageTag", {"images": ("registry.local/ci/*",)}),
    ],
)
def test_of_what_is_bounded_nothing_is_said(name: str, values: Mapping[str, Value]) -> None:
    assert exposed(name, **values) == []


@pytest.mark.parametrize(
    ("name", "values", "part"),
    [
        ("ContainerCreate", {"memory": "1GiB", "networks": ("ci",)}, "can use up the host's memory or processes"),
        ("ContainerCreate", {"memory": "1GiB", "pids": "9"}, "reaches services of the host and the engine's"),
        ("ServiceUpdate", {**WITHIN, "secrets": ("**",)}, "reads every secret of the swarm"),
        ("ContainerRename", {"names": ("ci-*",)}, "renames any container"),
        ("ImageTag", {"tags": ("**",)}, "can replace images that others trust with its own"),
        ("ImageCreate", {"tags": ("**",)}, "can replace images that others trust"),
    ],
)
def test_a_grant_that_is_contained_and_wide_is_said_to_be(name: str, values: Mapping[str, Value], part: str) -> None:
    assert exposed(name, **values)[0].startswith(part)


REACHES = "reaches services of the host"


@for_each(
    ("grants", "there"),
    [
        ("ContainerCreate", True),
        *((f"ContainerCreate: {{networks: [{one}]}}", True) for one in ("default", "bridge", "ci, bridge", "'**'")),
        *((f"ContainerCreate: {{networks: [{one}]}}", False) for one in ("ci", "'ci-*'", "none")),
        ("ContainerCreate: {networks: [ci]}, NetworkCreate, NetworkConnect: {networks: [ci]}", False),
        ("own, ContainerCreate: {networks: [ci]}", False),
        ("own, ContainerCreate: {networks: [ci]}, NetworkCreate", True),
        ("own, ContainerCreate: {networks: [ci]}, NetworkConnect: {own: true, networks: [bridge]}", True),
        ("own, NetworkCreate", False),
        ("NetworkConnect: {containers: [web]}", True),
        ("NetworkConnect: {containers: [web], networks: [ci]}", False),
    ],
)
def test_services_of_the_host_are_reached_from_the_networks_that_a_client_can_join(grants: str, *, there: bool) -> None:
    policy = sockets_of(f"sockets: {{ci: {{path: /ci.sock, allow: [{grants}]}}}}")["ci"].policy
    assert any(each.says.startswith(REACHES) for each in find_exposures(policy)) is there


def test_of_conditions_those_are_said_that_make_it_less() -> None:
    policy = granting("ContainerCreate", binds=("/srv",), buildx_builders="none", user="client", **WITHIN)
    (found,) = find_exposures(policy)
    (case,) = found.cases["ContainerCreate"]
    assert [condition.word for condition in found.restrictions(case)] == ["binds"]
    policy = granting("ContainerExec", containers=("web",), commands=(("sh",),), user="not-root")
    (found,) = find_exposures(policy)
    (case,) = found.cases["ContainerExec"]
    assert [condition.word for condition in found.restrictions(case)] == ["containers", "commands", "user"]


def test_what_is_granted_in_two_ways_is_exposed_by_the_one_that_has_it() -> None:
    opened = Grant(frozenset({"ContainerCreate"}), Source("there"), (UNRESTRICTED,))
    policy = policy_with(Grant(frozenset({"ContainerCreate"}), Source("here")), opened)
    found, *_ = find_exposures(policy)
    assert [case.decision.source for case in found.cases["ContainerCreate"]] == ["there"]


@for_each(
    ("name", "values", "there"),
    [
        ("ContainerAttach", {"stdin": False}, False),
        ("ContainerAttach", {"stdin": True}, True),
        ("SecretInspect", {}, False),
        ("SecretInspect", {"unrestricted": True}, True),
        ("ContainerTop", {}, False),
        ("ContainerTop", {"containers": ("web",), "unrestricted": True}, True),
        ("SystemAuth", {}, False),
        ("SystemAuth", {"unrestricted": True}, True),
        ("ContainerTop", {"containers": ("web",)}, False),
        ("ContainerTop", {"own": True}, False),
        ("ContainerExec", {"own": True}, False),
        ("NetworkConnect", {"own": True}, False),
        ("NetworkConnect", {"own": True, "unrestricted": True}, True),
        ("CheckpointList", {"own": True}, True),
    ],
)
def test_a_condition_that_leaves_nothing_of_an_exposure_takes_it_out(
    name: str, values: dict[str, Value], *, there: bool
) -> None:
    assert bool(exposed(name, **values)) is there


def test_a_command_that_nobody_may_start_is_not_exposed() -> None:
    prepares = Grant(frozenset({"ContainerExec"}), Source("p"), (UNRESTRICTED,))
    starts = Grant(frozenset({"ExecStart"}), Source("p"))
    assert find_exposures(policy_with(prepares)) == ()
    assert any("run privileged commands" in each.says for each in find_exposures(policy_with(prepares, starts)))


def test_the_gravest_comes_first() -> None:
    says = [exposure.says for exposure in find_exposures(policy_of(ALLOW=",".join(OPERATIONS)))]
    root = [one.startswith("is root") for one in says]
    assert root == sorted(root, reverse=True)


def test_what_is_hidden_is_not_exposed() -> None:
    policy = policy_of(
        ALLOW="ContainerInspect,ContainerTop,SwarmInspect,ConfigList,VolumeList,ServiceList,SecretInspect"
    )
    hidden = compile_policy(policy.policy._replace(hides=frozenset({"arguments", "environment", "join_tokens"})))
    assert len(find_exposures(policy)) > 4
    assert find_exposures(hidden) == ()


PLACES = Places({"/workspace": "/srv/job", "/root-of-host": "/"}, "/srv/ci.sock")


@pytest.mark.parametrize(
    ("bind", "listed"),
    [
        ("/workspace/a", {"/srv/job/a:rw"}),
        ("/data:ro", {"/data:ro"}),
        ("/root-of-host/etc", {"/etc:rw"}),
        ("/w*/a", {"/w*/a:rw", "/srv/job/a:rw"}),
        ("/**/a", {"/**/a:rw", "/srv/job/a:rw", "/srv/job/**/a:rw", "/a:rw"}),
        ("/var/run/docker.sock", set()),
    ],
)
def test_a_directory_is_listed_by_what_the_host_calls_it(bind: str, listed: set[str]) -> None:
    grant = Grant(
        frozenset({"ContainerCreate"}), Source("x"), (condition("binds", (bind,)), condition("memory", "1GiB"))
    )
    policy = compile_policy(Policy(grants=(grant,), denials=(), places=PLACES))
    (case,) = policy.cases["ContainerCreate"]
    found = on_host(policy, case)
    assert set(found.by_word["binds"].value) == listed  # type: ignore[arg-type]  # a list of items
    assert found.by_word["memory"] == case.by_word["memory"]
