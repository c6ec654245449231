# ruff: noqa: E501 - a table of flags: one is one line
"""Ordinary clients work with contained grants and the few words that each needs; what is beside that is refused."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from e2e.conftest import Before
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import denied
from e2e.talk import ask
from waiting import wait_until

pytestmark = pytest.mark.engine

# A compose project

COMPOSE = """
- preset:ping
- SystemInfo
- SystemEvents
- ContainerList
- ContainerInspect
- ImageInspect
- ImageList
- NetworkList
- NetworkInspect
- VolumeList
- VolumeInspect
- ContainerCreate:
    names: ["shop-*", "*_shop-*"]            # the second is what compose calls one that it puts in another's place
    images: ["docker.io/library/busybox:*"]
    binds: ["/srv/shop/config:ro"]
    volumes: [shop_data]
    networks: [shop_inner]
    publish: {ports: [8080], addresses: [127.0.0.1]}
- ContainerStart: {containers: ["shop-*", "*_shop-*"]}
  ContainerStop: {containers: ["shop-*", "*_shop-*"]}
  ContainerRename: {containers: ["shop-*", "*_shop-*"]}
  ContainerDelete: {containers: ["shop-*", "*_shop-*"]}
  ContainerAttach: {containers: ["shop-*"]}
  ContainerWait: {containers: ["shop-*"]}
  ContainerLogs: {containers: ["shop-*"]}
  ContainerKill: {containers: ["shop-*"]}
  ContainerExec: {containers: ["shop-*"]}
  ExecStart: {containers: ["shop-*"]}
  ExecInspect: {containers: ["shop-*"]}
- NetworkCreate: {names: [shop_inner]}
- NetworkConnect: {networks: [shop_inner], containers: ["shop-*", "*_shop-*"]}
- NetworkDisconnect: {networks: [shop_inner], containers: ["shop-*", "*_shop-*"]}
- NetworkDelete: {networks: [shop_inner]}
- VolumeCreate: {names: [shop_data]}
- VolumeDelete: {volumes: [shop_data]}
"""

PROJECT = """
name: shop
services:
  db:
    image: busybox
    command: sh -c 'touch /data/ready; exec sleep 600'
    stop_grace_period: 0s
    volumes: ["data:/data"]
    healthcheck: {test: [CMD, test, -f, /data/ready], interval: 200ms, timeout: 60s, retries: 100, start_period: 1s}
    restart: unless-stopped
    networks: [inner]
    environment: {POSTGRES_PASSWORD: secret}
  web:
    image: busybox
    command: sh -c 'cat /config/greeting; exec sleep 600'
    stop_grace_period: 0s
    init: true
    read_only: true
    user: "1000:1000"
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    tmpfs: [/run, "/tmp:size=1m,mode=1777"]
    depends_on: {db: {condition: service_healthy}}
    ports: ["127.0.0.1:8080:80"]
    volumes:
      - ./config:/config:ro
      - {type: bind, source: ./config/greeting, target: /greeting, read_only: true}
    networks: {inner: {aliases: [www]}}
    restart: on-failure:3
    deploy: {resources: {limits: {memory: 64M, cpus: "0.5", pids: 50}, reservations: {memory: 16M}}}
    logging: {driver: json-file, options: {max-size: 1m, max-file: "2"}}
    ulimits: {nofile: {soft: 100, hard: 200}}
    extra_hosts: ["gateway:host-gateway"]
    labels: {com.example: web}
    hostname: web
    stop_signal: SIGINT
    shm_size: 1m
volumes: {data: {}}
networks: {inner: {}}
"""


@pytest.fixture
def project(tmp_path: Path, dockerd: Engine, make_client: partial[Client]) -> Iterator[Path]:
    """The folder of a compose project; what a test leaves of it is taken down past every proxy."""
    folder = tmp_path / "shop"
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "greeting").write_text("hello from the config\n")
    file = folder / "compose.yaml"
    file.write_text(PROJECT)
    ask(dockerd.socket, "POST", "/images/busybox/tag?repo=shop-base&tag=latest")
    yield folder
    ask(dockerd.socket, "DELETE", "/images/shop-base")
    make_client(socket=dockerd.socket).run("compose", "-f", str(file), "down", "--volumes", "--timeout=0")


def test_a_compose_project_comes_up_is_entered_changed_and_goes_down(before: Before, project: Path) -> None:
    proxy, docker = before(COMPOSE.replace("shop/config:ro", "shop/config/**:ro"))
    compose = ("compose", "--file", str(project / "compose.yaml"))
    docker.run(*compose, "up", "--detach", "--wait")
    wait_until(lambda: "hello from the config" in docker.text(*compose, "logs", "web"), "it has printed")
    assert docker.run(*compose, "exec", "-T", "db", "cat", data=b"inside") == b"inside"
    assert "healthy" in docker.text(*compose, "ps", "db")
    docker.run(*compose, "up", "--detach", "--force-recreate", "web")
    docker.run(*compose, "down", "--volumes", "--timeout=0")
    assert denied(proxy) == []


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("- ./config:/config:ro", "- ./config:/config", "HostConfig.Binds[0]"),
        ("- ./config:/config:ro", "- /:/config:ro", "HostConfig.Binds[0]"),
        ("init: true", "privileged: true", "HostConfig.Privileged"),
        ("init: true", "pid: host", "HostConfig.PidMode"),
        ("init: true", "devices: [/dev/kmsg]", "HostConfig.Devices"),
        ("init: true", "cap_add: [SYS_ADMIN]", "HostConfig.CapAdd[0]"),
        ("127.0.0.1:8080:80", "0.0.0.0:8080:80", "HostIp"),
        ("image: busybox\n    command: sh -c 'cat", "image: shop-base\n    command: sh -c 'cat", "Image"),
        ('["no-new-privileges:true"]', '["seccomp:unconfined"]', "HostConfig.SecurityOpt[0]"),
        ("volumes: {data: {}}", "volumes: {data: {driver_opts: {type: none, o: bind, device: /}}}", "DriverOpts"),
    ],
)
def test_a_project_that_wants_more_is_refused(before: Before, project: Path, old: str, new: str, named: str) -> None:
    file = project / "compose.yaml"
    assert old in PROJECT
    file.write_text(PROJECT.replace(old, new))
    _, docker = before(COMPOSE.replace("shop/config:ro", "shop/config/**:ro"))
    complaint = docker.refused("compose", "--file", str(file), "up", "--detach")
    assert " denied: " in complaint
    assert named in complaint


# The command line

RUN = """
- preset:ping
- ContainerList
- ContainerInspect
- ImageInspect
- ContainerCreate:
    names: ["job-*"]
    binds: ["/srv/input:ro", /srv/output]
    volumes: ["cache-*"]
    networks: [jobs, default, none]
    publish: {ports: [8000-8999]}
    add_capabilities: [NET_BIND_SERVICE]
    memory: 256MiB
    cpus: 1.5
    labels: {owner: ci}
- ContainerAttach
- ContainerStart
- ContainerWait
- ContainerResize
- ContainerDelete
- ContainerLogs
"""
LIMITS = ("--memory=64m", "--cpus=0.5")
USUAL = (
    *("--env=A=b", "--volume=cache-a:/cache", "--volume={tmp}/input:/in:ro", "--volume={tmp}/output:/out"),
    *("--mount=type=volume,source=cache-b,target=/b", "--mount=type=bind,source={tmp}/input,target=/i,readonly"),
    *("--mount=type=tmpfs,target=/t,tmpfs-size=1m", "--publish=8123:80", "--publish=127.0.0.1:8124:81/udp"),
    *("--network=jobs", "--network-alias=me", "--memory-reservation=16m", "--pids-limit=50", "--cpu-shares=512"),
    *("--user=1000:1000", "--cap-add=NET_BIND_SERVICE", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
    *("--label=case={label}", "--label=x=y", "--health-cmd=true", "--health-interval=1s", "--health-retries=2"),
    *("--ulimit=nofile=100:200", "--tmpfs=/tmp:size=1m,noexec", "--init", "--read-only", "--log-opt=max-size=1m"),
    *("--log-opt=max-file=2", "--entrypoint=sh", "--add-host=db:192.0.2.1", "--add-host=gateway:host-gateway"),
    *("--dns=192.0.2.53", "--dns-search=example.org", "--hostname=box", "--workdir=/tmp", "--stop-timeout=0"),
    *("--stop-signal=INT", "--shm-size=1m", "--expose=81", "--ipc=private", "--cgroupns=private", "--pull=never"),
)
# fmt: off
WIDER = [
    ("--volume=/:/host",                        "HostConfig.Binds[0]"),
    ("--volume={tmp}/input:/in",                "HostConfig.Binds[0]"),
    ("--volume={tmp}/input:/in:ro,rshared",     "HostConfig.Binds[0]"),
    ("--volume=theirs:/theirs",                 "HostConfig.Binds[0]"),
    ("--mount=type=bind,source=/etc,target=/e", "HostConfig.Mounts[0].Source"),
    ("--mount=type=volume,target=/v,volume-driver=local,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/", "HostConfig.Mounts[0].VolumeOptions.DriverConfig.Options"),
    ("--volumes-from=job-first",                "HostConfig.VolumesFrom"),
    ("--network=host",                          "HostConfig.NetworkMode"),
    ("--network=theirs",                        "HostConfig.NetworkMode"),
    ("--network=container:job-first",           "HostConfig.NetworkMode"),
    ("--pid=host",                              "HostConfig.PidMode"),
    ("--ipc=host",                              "HostConfig.IpcMode"),
    ("--uts=host",                              "HostConfig.UTSMode"),
    ("--userns=host",                           "HostConfig.UsernsMode"),
    ("--cgroupns=host",                         "HostConfig.CgroupnsMode"),
    ("--cgroup-parent=/",                       "HostConfig.CgroupParent"),
    ("--publish=80:80",                         "HostConfig.PortBindings"),
    ("--publish-all",                           "HostConfig.PublishAllPorts"),
    ("--privileged",                            "HostConfig.Privileged"),
    ("--device=/dev/kmsg",                      "HostConfig.Devices"),
    ("--gpus=all",                              "HostConfig.DeviceRequests"),
    ("--cap-add=SYS_ADMIN",                     "HostConfig.CapAdd[0]"),
    ("--security-opt=apparmor=unconfined",      "HostConfig.SecurityOpt[0]"),
    ("--security-opt=systempaths=unconfined",   "HostConfig.MaskedPaths"),
    ("--group-add=0",                           "HostConfig.GroupAdd"),
    ("--sysctl=net.ipv4.ip_forward=1",          "HostConfig.Sysctls"),
    ("--oom-score-adj=-500",                    "HostConfig.OomScoreAdj"),
    ("--runtime=io.containerd.runc.v2",         "HostConfig.Runtime"),
    ("--log-driver=syslog",                     "HostConfig.LogConfig.Type"),
    ("--log-opt=env=SECRET",                    "HostConfig.LogConfig.Config"),
    ("--memory=1g",                             "HostConfig.Memory"),
    ("--memory-swap=-1",                        "HostConfig.MemorySwap"),
    ("--cpus=2",                                "HostConfig.NanoCpus"),
    ("--label=owner=root",                      "Labels"),
    ("--name=web",                              "?name"),
    ("--link=job-first",                        "HostConfig.Links"),
    ("--tmpfs=/t:dev,suid",                     "HostConfig.Tmpfs"),
    ("--annotation=a=b",                        "HostConfig.Annotations"),
]
# fmt: on


def words_of(words: tuple[str, ...], folder: Path, label: str) -> list[str]:
    return [word.format(tmp=folder, label=label) for word in words]


def test_the_usual_flags_of_docker_run_pass(before: Before, dockerd: Engine, jobs: Path, label: str) -> None:
    proxy, docker = before(RUN)
    options = (*LIMITS, *words_of(USUAL, jobs, label))
    script = "sleep 0.2; cat /in/file; echo written > /out/file; id -u; hostname; echo $A"
    run = ("run", "--name=job-first", *options, "busybox", "-c", script)
    assert docker.text(*run).splitlines() == ["read", "1000", "box", "b"]
    assert (jobs / "output" / "file").read_text() == "written\n"
    made = ask(dockerd.socket, "GET", "/containers/job-first/json").json()
    assert (made["Config"]["Labels"]["owner"], made["Config"]["Labels"]["x"]) == ("ci", "y")
    docker.run("rm", "job-first")
    docker.run("run", "--rm", "--name=job-2", *LIMITS, "--network=none", "--interactive", "busybox", "cat", data=b"x")
    docker.run(
        *("run", "--detach", "--restart=unless-stopped", "--name=job-3", *LIMITS, f"--label=case={label}"),
        *("--no-healthcheck", "busybox", "true"),
    )
    docker.run("rm", "--force", "job-3")
    assert denied(proxy) == []


def test_a_terminal_works(before: Before, jobs: Path) -> None:
    assert jobs
    proxy, docker = before(RUN)
    script = Client(
        program=("script", "--quiet", "--return", "/dev/null", "--command"),
        socket=docker.socket,
        home=docker.home,
        label=docker.label,
        extra={"TERM": "xterm"},
    )
    run = f"docker run --rm -it --name job-t {' '.join(LIMITS)} --network=none busybox sh -c 'sleep 0.2; tty'"
    assert "/dev/pts/0" in script.text(run)
    assert denied(proxy) == []


def test_flags_that_reach_further_are_refused_by_their_fields(before: Before, jobs: Path, label: str) -> None:
    _, docker = before(RUN)
    for flag, named in WIDER:
        limits = [word for word in LIMITS if word.partition("=")[0] != flag.partition("=")[0]]
        name = [] if flag.startswith("--name") else ["--name=job-x"]
        network = [] if flag.startswith(("--network", "--link")) else ["--network=none"]
        words = ["run", "--rm", *name, *network, *limits, *words_of((flag,), jobs, label), "busybox", "true"]
        complaint = docker.refused(*words)
        assert "ContainerCreate denied" in complaint, (flag, complaint)
        assert f"{named}" in complaint.partition(" denied: ")[2], (flag, complaint)


# A job of a CI

CI = """
- preset:ping
- ContainerCreate:
    names: ["ci-*"]
    binds: [/srv/work]
    networks: ["ci-*"]
    no_new_privileges: required
    pids: 500
- ContainerInspect: {containers: ["ci-*"]}
  ContainerStart: {containers: ["ci-*"]}
  ContainerLogs: {containers: ["ci-*"]}
  ContainerDelete: {containers: ["ci-*"]}
- ContainerExec: {containers: ["ci-*"]}
  ExecStart: {containers: ["ci-*"]}
  ExecInspect: {containers: ["ci-*"]}
- NetworkCreate: {names: ["ci-*"]}
- NetworkDelete: {networks: ["ci-*"]}
- VolumeCreate: {names: ["ci-*"]}
- VolumeDelete: {volumes: ["ci-*"]}
"""


def test_a_job_has_its_network_its_workspace_and_its_steps(
    before: Before, dockerd: Engine, docker: Client, tmp_path: Path, label: str
) -> None:
    (tmp_path / "work").mkdir()
    proxy, runner = before(CI)
    network, job = f"ci-net-{label}", f"ci-job-{label}"
    bounds = ("--security-opt=no-new-privileges", "--pids-limit=200", f"--label=case={label}")
    runner.run("network", "create", network)
    words = (*bounds, f"--network={network}", f"--volume={tmp_path}/work:/work", "--workdir=/work", "--stop-timeout=0")
    runner.run("create", f"--name={job}", *words, "busybox", "sh", "-c", "echo begun; exec sleep 600")
    runner.run("start", job)
    runner.run("exec", job, "sh", "-c", "echo built > result")
    assert runner.run("exec", "-i", "--env=A=b", "--workdir=/", job, "sh", "-c", "cat; echo $A", data=b"in") == b"inb\n"
    assert runner.attempt("exec", job, "sh", "-c", "exit 3").returncode == 3
    assert runner.text("logs", job) == "begun"
    assert (tmp_path / "work" / "result").read_text() == "built\n"
    assert denied(proxy) == []

    theirs = docker.start_container("sleep", "600")
    for refused in (
        ("exec", "--privileged", job, "true"),
        ("rm", "--force", theirs),
        ("create", "--name=ci-2", *bounds, "--network=none", f"--volume={tmp_path}:/work", "busybox"),
        ("create", "--name=ci-2", "--pids-limit=200", "--network=none", "busybox"),
        ("create", "--name=ci-2", *bounds, f"--network=container:{theirs}", "busybox"),
        ("network", "create", "--driver=macvlan", "ci-lan"),
        ("network", "rm", "bridge"),
        ("volume", "create", "--opt=type=none", "--opt=o=bind", "--opt=device=/", "ci-root"),
    ):
        assert " denied: " in runner.refused(*refused), refused
    for inspecting in (("exec", theirs, "true"), ("logs", theirs)):  # The command line inspects it first.
        assert "No such container: " in runner.refused(*inspecting), inspecting
    assert ask(dockerd.socket, "GET", f"/containers/{theirs}/json").json()["State"]["Running"]
    runner.run("rm", "--force", job)
    runner.run("network", "rm", network)
