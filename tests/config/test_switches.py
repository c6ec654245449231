"""The switches: a contract with the people who set them, and hints that are true."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import event, given
from policy import policies
from policy.policies import EXCEPTIONS, PLAIN, environments, policy_of, request_for, settled
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS, SECTIONS, Access, Operation
from dockerproxy.config.environment import KNOWN
from dockerproxy.config.switches import ACTION_SWITCHES, CONDITIONS, PART_SWITCHES, SECTION_SWITCHES, SWITCHES
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.objects import KINDS, Kind
from dockerproxy.workbench.chains import find_root

# Written out: this is the contract, and the code derives some of it.
DEFAULTS = {
    **dict.fromkeys(("PING", "VERSION", "EVENTS", "LIBPOD_PING", "LIBPOD_VERSION"), True),
    **dict.fromkeys(("ALLOW_ARCHIVE", "ALLOW_CHANGES", "ALLOW_EXPORT", "ALLOW_LOGS", "ALLOW_TOP"), True),
    **dict.fromkeys(("POST", "AUTH", "BUILD", "COMMIT", "CONFIGS", "CONTAINERS", "DISTRIBUTION", "EXEC"), False),
    **dict.fromkeys(("GRPC", "IMAGES", "INFO", "NETWORKS", "NODES", "PLUGINS", "SECRETS", "SERVICES"), False),
    **dict.fromkeys(("SESSION", "SWARM", "SYSTEM", "TASKS", "VOLUMES"), False),
    **dict.fromkeys(("ALLOW_RESTARTS", "ALLOW_START", "ALLOW_STOP", "ALLOW_PAUSE", "ALLOW_UNPAUSE"), False),
    **dict.fromkeys(("LIBPOD_CONTAINERS", "LIBPOD_EVENTS", "LIBPOD_EXEC", "LIBPOD_GENERATE", "LIBPOD_IMAGES"), False),
    **dict.fromkeys(("LIBPOD_INFO", "LIBPOD_MANIFESTS", "LIBPOD_NETWORKS", "LIBPOD_PLAY", "LIBPOD_PODS"), False),
    **dict.fromkeys(("LIBPOD_SECRETS", "LIBPOD_SYSTEM", "LIBPOD_VOLUMES"), False),
    **dict.fromkeys(("LIBPOD_ALLOW_RESTARTS", "LIBPOD_ALLOW_START", "LIBPOD_ALLOW_STOP"), False),
    **dict.fromkeys(("LIBPOD_ALLOW_PAUSE", "LIBPOD_ALLOW_UNPAUSE"), False),
    **dict.fromkeys(("LIBPOD_ALLOW_POD_RESTARTS", "LIBPOD_ALLOW_POD_START", "LIBPOD_ALLOW_POD_STOP"), False),
    **dict.fromkeys(("LIBPOD_ALLOW_POD_PAUSE", "LIBPOD_ALLOW_POD_UNPAUSE"), False),
}
SECTIONS_OF = {
    **{name: name.lower() for name in ("VERSION", "EVENTS", *(name for name, value in DEFAULTS.items() if not value))},
    "PING": "_ping",
}

by_name = for_each("name", OPERATIONS)


def opened(**variables: str) -> set[str]:
    policy = policy_of(**variables)
    return {name for name in OPERATIONS if policy.allows(name)}


def test_the_switches_and_their_defaults_are_a_contract() -> None:
    assert SWITCHES == DEFAULTS


@for_each("switch", [name for name in DEFAULTS if SECTIONS_OF.get(name) in SECTIONS])
def test_a_section_switch_opens_the_reads_of_its_section_and_post_the_rest(switch: str) -> None:
    section = {name for name, operation in OPERATIONS.items() if operation.section == SECTIONS_OF[switch]}
    reads = {name for name in section if OPERATIONS[name].access is Access.READ}
    without = opened(**{switch: "0"})
    assert opened(**{switch: "1"}) - without == reads
    assert opened(**{switch: "1", "POST": "1"}) - opened(**{switch: "0", "POST": "1"}) == section
    assert not section & without


@for_each("switch", [name for name in DEFAULTS if name.startswith("LIBPOD_") and "ALLOW" not in name])
def test_a_podman_switch_opens_its_section_below_libpod_and_nothing_of_docker(switch: str) -> None:
    word = switch.removeprefix("LIBPOD_").lower()
    section = "libpod/" + ("_ping" if word == "ping" else word)
    names = {name for name, operation in OPERATIONS.items() if operation.section == section}
    assert names
    assert opened(**{switch: "1", "POST": "1"}) - opened(**{switch: "0", "POST": "1"}) == names


@for_each(("switch", "names"), ACTION_SWITCHES.items())
def test_an_action_switch_opens_its_operations_and_nothing_else(switch: str, names: tuple[str, ...]) -> None:
    assert opened(**{switch: "1"}) - opened() == set(names)


SECTIONS_ON = {name: "1" for name in DEFAULTS if "ALLOW" not in name}


@pytest.mark.parametrize(("switch", "names"), PART_SWITCHES.items())
def test_a_part_switch_takes_its_operations_out_of_all_sections_and_opens_none(
    switch: str, names: tuple[str, ...]
) -> None:
    assert opened(**SECTIONS_ON) - opened(**SECTIONS_ON, **{switch: "0"}) == set(names)
    assert opened(**{switch: "1"}) == opened()


def find_last_segment(operation: Operation) -> str:
    return operation.path.rpartition("/")[2]


@pytest.mark.parametrize(("switch", "names"), PART_SWITCHES.items())
def test_a_part_switch_closes_every_way_to_the_same(switch: str, names: tuple[str, ...]) -> None:
    """By the same path below /libpod, or by the same last segment for containers and pods."""
    closed = {name for name in names if OPERATIONS[name].section == "containers"}
    for name in closed:
        twin = (OPERATIONS[name].method, f"/libpod{OPERATIONS[name].path.replace('{id}', '{name}')}")
        assert {each.name for each in OPERATIONS.values() if (each.method, each.path) == twin} == {f"{name}Libpod"}
        assert f"{name}Libpod" in names
    segments = {find_last_segment(OPERATIONS[name]) for name in closed}
    of_containers = {Kind.CONTAINER, Kind.POD}
    same = {
        name
        for name, operation in OPERATIONS.items()
        if find_last_segment(operation) in segments and KINDS.get(name) in of_containers
    }
    assert same <= set(names)
    assert not same & opened(**SECTIONS_ON, **{switch: "0"})


def test_the_tables_name_operations_that_exist() -> None:
    named = {name for table in (ACTION_SWITCHES, PART_SWITCHES) for names in table.values() for name in names}
    assert named | CONDITIONS.keys() <= OPERATIONS.keys()
    assert CONDITIONS.keys() == EXCEPTIONS.keys(), "tests/policy/policies.py has no request that a condition refuses"


# The hints


def apply(environment: dict[str, str], setting: str) -> dict[str, str]:
    """Do what a hint says: set a variable, or add a name to one that is set."""
    if found := re.fullmatch(r"add (\w+) to ALLOW", setting):
        return {**environment, "ALLOW": f"{environment['ALLOW']},{found[1]}"}
    name, _, value = setting.removeprefix("set ").partition("=")
    assert name in KNOWN, f"{setting} is no setting"
    return {**environment, name: value}


def follow(environment: dict[str, str], name: str, hint: str) -> Iterator[dict[str, str]]:
    """Yield the environment that a hint promises would allow an operation; check what it promises besides."""
    taken_out = re.fullmatch(r"to allow it(?: and let clients [a-z ]+)?, remove (\S+) from DENY", hint)
    set_so = re.fullmatch(r"to allow it[^,]*, (set [^\s,]+=\S+|add \w+ to ALLOW)(?: and (?:set )?(CONTAINED=1))?", hint)
    assert taken_out or set_so or ', write a policy file with "' in hint, hint
    if taken_out:
        assert taken_out[1] == name
        yield {**environment, "DENY": ",".join(set(environment["DENY"].split(",")) - {name})}
    if set_so:
        changed = environment
        for setting in filter(None, set_so.groups()):
            changed = apply(changed, setting)
        yield changed
        assert opened(**changed) - opened(**environment) <= {name}, "a hint opens more than it says"
        before, after = (find_root(policy_of(**each)).extent for each in (environment, changed))
        assert after <= before or " and let clients " in hint or " for every " in hint, hint


def hint_of(policy: CompiledPolicy, name: str, query: str = "") -> str:
    """Return what a refused request for an operation is told would allow it, or nothing if it is allowed."""
    message = settled(policy, request_for(OPERATIONS[name], query)).message
    assert not message or message.startswith(f"{name} denied")
    return message.rpartition("; ")[2]


@by_name
def test_a_refusal_names_exactly_what_would_allow_it(name: str) -> None:
    for environment in ({}, {"CONTAINERS": "1", **dict.fromkeys(PART_SWITCHES, "0")}):
        if hint := hint_of(policy_of(**environment), name):
            for changed in follow(environment, name, hint):
                assert not hint_of(policy_of(**changed), name) or _is_import(name, hint), f"{hint} does not help"


def _is_import(name: str, hint: str) -> bool:
    """Whether a request without parameters is no pull, so that a contained grant of pulls does not allow it."""
    return name == "ImageCreate" and " if contained" in hint


@by_name
def test_a_denied_operation_says_so_and_then_what_else_it_needs(name: str) -> None:
    environment = {"DENY": f"{name},SystemInfo" if name != "SystemInfo" else name}
    hint = hint_of(policy_of(**environment), name)
    assert hint == f"to allow it, remove {name} from DENY"
    (changed,) = follow(environment, name, hint)
    if hint := hint_of(policy_of(**changed), name):
        for again in follow(changed, name, hint):
            assert not hint_of(policy_of(**again), name) or _is_import(name, hint)


@given(environments())
def test_a_refusal_names_what_would_allow_it_whatever_else_is_set(environment: dict[str, str]) -> None:
    policy = policy_of(**environment)
    refused = [(name, hint) for name in PLAIN if (hint := hint_of(policy, name))]
    for name, hint in refused[:: max(1, len(refused) // 2)]:
        event(re.sub(r"[A-Z]\S+", "X", hint))
        for changed in follow(environment, name, hint):
            after = hint_of(policy_of(**changed), name)
            assert not after or ", remove" in hint or _is_import(name, hint)


@pytest.mark.parametrize(("name", "query"), EXCEPTIONS.items())
def test_who_asks_for_more_than_a_section_opens_is_led_to_what_allows_it(name: str, query: str) -> None:
    environments: list[dict[str, str]] = [{}]
    for steps in range(3):
        refused = [environment for environment in environments if hint_of(policy_of(**environment), name, query)]
        if not refused:
            return
        assert steps < 2, f"the hints lead in circles: {refused}"
        environments = [
            changed
            for environment in refused
            for changed in follow(environment, name, hint_of(policy_of(**environment), name, query))
        ]


@pytest.mark.parametrize(("name", "query"), EXCEPTIONS.items())
def test_who_asks_for_more_than_a_section_opens_is_told_on_what_condition_it_is_open(name: str, query: str) -> None:
    section = OPERATIONS[name].section
    environment = {next(switch for switch, each in SECTION_SWITCHES.items() if each == section): "1", "POST": "1"}
    policy = policy_of(**environment)
    assert not hint_of(policy, name)
    decision = settled(policy, request_for(OPERATIONS[name], query))
    assert f"{name} denied: only allowed if {CONDITIONS[name][0]}; " in decision.message
    assert decision.source in " ".join(f"{switch}={value}" for switch, value in environment.items())


ROOT = " and let clients become root on the host"


@pytest.mark.parametrize(
    ("environment", "name", "hint"),
    [
        ({"CONTAINERS": "1"}, "ContainerCreate", "to allow it if contained, set ALLOW=ContainerCreate"),
        ({}, "ContainerList", "to allow it for every container, set ALLOW=ContainerList"),
        ({}, "SwarmInit", f'to allow it{ROOT}, write a policy file with "SwarmInit: unrestricted"'),
        ({}, "KubePlayLibpod", f'to allow it{ROOT}, write a policy file with "KubePlayLibpod: unrestricted"'),
        ({"DENY": "SwarmInit"}, "SwarmInit", "to allow it, remove SwarmInit from DENY"),
    ],
)
def test_where_all_is_contained_a_hint_says_how_far_it_helps(environment: dict[str, str], name: str, hint: str) -> None:
    policy = policy_of(**environment, CONTAINED="1")
    assert policies.hint_of(policy.policy, name) == hint
    for setting in re.findall(r"[A-Z_]+=\S+", hint):
        environment = apply(environment, setting)
    assert policy_of(CONTAINED="1", **environment).allows(name) is (", set " in hint)


def test_where_all_is_contained_builds_need_a_policy_file() -> None:
    assert policies.hint_of(policy_of(CONTAINED="1").policy, "Grpc") == (
        'to allow it if contained, write a policy file with "ImageBuild: {tags: ["docker.io/library/my-app:*"]}"'
    )


ALL = "to allow it for every container"


@for_each(
    ("environment", "name", "hint"),
    [
        ({}, "ContainerList", f"{ALL}, set ALLOW=ContainerList"),
        ({}, "ContainerCreate", "to allow it if contained, set ALLOW=ContainerCreate and CONTAINED=1"),
        ({"CONTAINERS": "1"}, "ContainerExec", f"{ALL} if contained, set ALLOW=ContainerExec and CONTAINED=1"),
        ({}, "ContainerStart", f"{ALL}, set ALLOW_START=1"),
        ({"CONTAINERS": "1"}, "ContainerRestart", f"{ALL}, set ALLOW=ContainerRestart"),
        ({"ALLOW_TOP": "0"}, "ContainerTop", f"{ALL}, set ALLOW=ContainerTop"),
        ({}, "ImageSearch", "to allow it, set ALLOW=ImageSearch"),
        ({}, "KubePlayLibpod", f"to allow it{ROOT}, set ALLOW=KubePlayLibpod"),
        ({"DENY": "SystemInfo"}, "SystemInfo", "to allow it, remove SystemInfo from DENY"),
        (
            {"CONTAINERS": "1", "POST": "1", "DENY": "ContainerCreate"},
            "ContainerCreate",
            f"to allow it{ROOT}, remove ContainerCreate from DENY",
        ),
    ],
)
def test_a_hint_reads_like_this(environment: dict[str, str], name: str, hint: str) -> None:
    assert hint_of(policy_of(**environment), name) == hint
