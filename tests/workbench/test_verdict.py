"""The verdict is what an operator asks first, and is never more favourable than the policy."""

import re

from hypothesis import given
from policy.policies import allowing, policies, policy_of
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS, Access
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import OF_OBJECTS, CompiledPolicy, compile_policy
from dockerproxy.policy.model import Policy
from dockerproxy.policy.objects import OWN
from dockerproxy.workbench.exposure import find_exposures
from dockerproxy.workbench.verdict import list_verdicts


def secrets_of(policy: CompiledPolicy) -> str:
    return list_verdicts(policy)[1].removeprefix("reads secrets: ")


def others_of(policy: CompiledPolicy) -> str:
    return list_verdicts(policy)[2].removeprefix("others' objects: ")


@for_each(
    ("lines", "says"),
    [
        (["preset:ping"], "no"),
        (["preset:own-compose"], "no"),
        (["preset:ci"], "no"),
        (["ContainerList"], "no"),
        (
            ["ContainerInspect"],
            "by ContainerInspect (policy.yaml:5): it sees every container's environment, including passwords",
        ),
        (["ContainerInspect: {containers: [web]}"], "including passwords, but only if the container is web"),
        (
            ["ContainerInspect: {containers: [web]}", "preset:fluent-bit"],
            "yes, by SystemEvents of preset:fluent-bit",
        ),
        (["preset:traefik"], "yes, by ContainerInspect of preset:traefik"),
        (
            ["own", "ContainerCreate: {binds: ['/srv/a', '/root/.ssh:ro']}"],
            "it mounts keys or passwords of the host, namely /root/.ssh:ro",
        ),
        (["ContainerCreate: unrestricted", "ContainerStart"], "yes, as root"),
        (["PluginEnable"], "only as root"),
        (
            ["ServiceCreate: {secrets: [db*]}"],
            "reads secrets and configs of the swarm, namely db*",
        ),
        (
            ["ServiceCreate: {configs: [web]}"],
            "reads secrets and configs of the swarm, namely web",
        ),
        (["own", "ContainerCreate: {joins: [db]}"], "it shares processes and memory of others, namely db"),
        (["ContainerCreate: {volumes: ['**']}"], "it mounts any volume, with all its files, namely **"),
        (["ContainerCreate: {volumes: ['ci-*']}"], "no"),
        (["own", "ContainerCheckpointLibpod: {own: true, unrestricted: true}"], "no"),
    ],
)
def test_what_reads_secrets_is_said_with_its_line(lines: list[str], says: str) -> None:
    said = secrets_of(allowing(*lines))
    assert said == says if says in {"no", "yes, as root", "only as root"} else says in said


@for_each(
    "bind",
    [
        *("/run/docker", "/run/docker/containerd/containerd.sock", "/var/run/docker/*/*.sock", "/run/crio", "/run/k3s"),
        *("/run/user", "/run/user/7/bus", "/run/user/7/systemd/private"),
    ],
)
def test_a_mount_from_which_an_engine_or_systemd_can_be_asked_is_root(bind: str) -> None:
    policy = allowing("own", f"ContainerCreate: {{binds: ['{bind}:ro']}}")
    assert list_verdicts(policy)[0].startswith("root on the host: yes")


@for_each(
    "bind",
    [
        *("/var/lib/docker/volumes", "/var/lib/docker/overlay2", "/var/lib/containers/storage", "/var/lib/kubelet/pki"),
        *("/etc/ssl/private/web.pem", "/etc/letsencrypt/live", "/etc/kubernetes/*", "/etc/docker", "/var/backups"),
        *(
            "/etc/pki/tls/private/web.key",
            "/etc/NetworkManager/system-connections",
            "/var/lib/cloud",
            "/var/lib/etcd",
            "/home/*/.aws",
            "/home/*/.kube/config",
            "/home/*/.ssh/id_*",
            "/home/me",
            "/home/*/.netrc",
            "/home/*/.gnupg/**",
        ),
    ],
)
def test_a_mount_that_holds_keys_of_the_host_reads_secrets(bind: str) -> None:
    assert (
        secrets_of(allowing("own", f"ContainerCreate: {{binds: ['{bind}:ro']}}"))
        .partition(": ")[2]
        .startswith("it mounts keys ")
    )


@for_each("bind", ["/etc/localtime", "/etc/ssl/certs", "/srv/ci", "/home/*/project/**", "/run/lock"])
def test_a_mount_that_holds_none_reads_no_secrets(bind: str) -> None:
    assert secrets_of(allowing("own", f"ContainerCreate: {{binds: ['{bind}:ro']}}")) == "no"


@for_each(
    ("lines", "says"),
    [
        (["preset:ping", "SystemInfo"], "no"),
        (["preset:own-compose"], "no"),
        (["preset:ai-agent"], "no"),
        (["own", "ContainerExec: {own: true, unrestricted: true}"], "only as root"),
        (["own", "ImageCommit: unrestricted"], "changes them, by ImageCommit"),
        (["ContainerList"], "reads them, by ContainerList (policy.yaml:5)"),
        (
            ["ContainerList", "ContainerStop: {containers: [web]}"],
            "changes them, by ContainerStop (policy.yaml:6), but only if the container is web",
        ),
        (["ContainerStop: {containers: [web]}", "ContainerKill"], "changes them, by ContainerKill (policy.yaml:6)"),
        (
            ["preset:testcontainers"],
            "reads them, by NetworkList of preset:testcontainers (policy.yaml:5), but only if the network is bridge",
        ),
        (
            ["own", "ContainerCreate: {volumes: [data]}"],
            "uses them, by ContainerCreate (policy.yaml:6), namely data",
        ),
        (["own", "ContainerCreate: {joins: [db]}"], "uses them, by ContainerCreate (policy.yaml:6), namely db"),
        (["own", "ContainerCreate: {networks: [none, default]}"], "no"),
        (
            ["own", "ContainerCreate", "NetworkConnect: {own: true, containers: [db]}"],
            "uses them, by NetworkConnect (policy.yaml:7), namely db",
        ),
    ],
)
def test_what_reaches_objects_of_others_is_said_with_its_line(lines: list[str], says: str) -> None:
    said = others_of(allowing(*lines))
    assert said == says if says in {"no", "only as root"} else said.startswith(says)


OF_OTHERS = re.compile(
    r"containers\b|\bpods?\b|volumes\b|unused networks|everything that the|unused objects|installed unit|damaged data"
    r"|container was created|last manager|drains"
)


@for_each("name", [name for name, each in OPERATIONS.items() if OF_OTHERS.search(each.says)])
def test_what_the_catalog_says_of_objects_is_never_said_to_reach_nothing(name: str) -> None:
    says = others_of(policy_of(ALLOW=name, EVENTS="0"))
    assert says != "no"
    assert says.startswith(("changes", "uses")) or OPERATIONS[name].access is Access.READ or says.endswith("as root")


def test_what_is_hidden_is_not_read() -> None:
    text = "sockets: {web: {path: /w, hide: [arguments, environment], allow: [preset:traefik]}}"
    assert secrets_of(read_policy(text, "policy.yaml").sockets[0].policy) == "no"


def test_a_socket_that_denies_nothing_is_root() -> None:
    text = "sockets: {web: {path: /w, mode: report, allow: [preset:ping]}}"
    assert list_verdicts(read_policy(text, "policy.yaml").sockets[0].policy) == (
        "root on the host: yes, by mode: report",
        "reads secrets: yes, as root",
        "others' objects: yes, as root",
    )


@given(policies())
def test_who_may_act_on_what_is_not_its_own_is_never_said_to_reach_nothing(made: Policy) -> None:
    policy = compile_policy(made)
    cases = [(name, case) for name in OF_OBJECTS for case in policy.cases[name] if OWN not in case.by_word]
    said = others_of(policy)
    assert (said == "no") <= (cases == [])
    if any(OPERATIONS[name].access is Access.WRITE for name, _ in cases):
        assert said.startswith(("changes them", "yes, as root"))


@for_each(
    "name",
    [
        *("SystemDataUsage", "PluginList", "PluginInspect", "QuadletFileLibpod", "ContainerCheckpointLibpod"),
        *("GenerateKubeLibpod", "KubeGenerateLibpod", "GenerateSystemdLibpod"),
    ],
)
def test_what_has_options_or_environments_in_its_answer_reads_secrets_beside_own(name: str) -> None:
    assert secrets_of(policy_of(ALLOW=name)).startswith("yes")
    hidden = policy_of(ALLOW=name).policy._replace(hides=frozenset({"arguments", "environment"}))
    assert not secrets_of(compile_policy(hidden)).startswith("yes")


@for_each("name", OPERATIONS)
def test_what_shows_passwords_is_never_said_to_read_no_secrets(name: str) -> None:
    policy = policy_of(ALLOW=name)
    if any("passwords" in exposure.says or "secret of" in exposure.says for exposure in find_exposures(policy)):
        assert secrets_of(policy).startswith("yes")
