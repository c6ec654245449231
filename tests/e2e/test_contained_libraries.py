# ruff: noqa: E501 - scripts in a string, which a line break would change
"""Libraries that make containers work with contained grants; what reaches further is refused."""

import sys
from pathlib import Path

import pytest
from e2e.conftest import Before
from e2e.proxies import denied

pytestmark = pytest.mark.engine

# Docker's library, and Testcontainers

LIBRARY = """
- preset:ping
- ContainerList
- ContainerInspect
- ImageInspect
- ContainerCreate: {volumes: ["cache-*"], networks: [jobs, none], user: not-root, pids: 100}
- ContainerStart
- ContainerWait
- ContainerLogs
- ContainerStop
- ContainerDelete
- ContainerExec: {commands: [[cat, "**"]]}
- ExecStart: {commands: [[cat, "**"]]}
- ExecInspect
"""
SCRIPT = """
import docker, sys
from contextlib import closing
with closing(docker.from_env()) as client:
    run = client.containers.run
    usual = dict(
        user="1000:1000", pids_limit=50, labels={"case": sys.argv[1]}, environment={"A": "b"}, mem_limit="64m",
        volumes={"cache-a": {"bind": "/cache", "mode": "rw"}}, network="jobs", working_dir="/tmp", tmpfs={"/t": "size=1m"},
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 2}, read_only=True, cap_drop=["ALL"], init=True,
        security_opt=["no-new-privileges"], nano_cpus=5 * 10**8, ulimits=[docker.types.Ulimit(name="nofile", soft=99, hard=199)],
        healthcheck={"test": ["CMD", "true"], "interval": 10**9}, hostname="box", stop_signal="INT", shm_size="1m",
        mounts=[docker.types.Mount("/b", "cache-b", type="volume", read_only=True)], extra_hosts={"db": "192.0.2.1"},
        log_config=docker.types.LogConfig(type="json-file", config={"max-size": "1m"}), dns=["192.0.2.53"],
    )
    print(run("busybox", ["sh", "-c", "echo $A; cat /etc/hostname; sleep 0.3"], remove=False, **{**usual, "restart_policy": None}).decode().strip())
    container = run("busybox", ["sleep", "600"], detach=True, **usual)
    print(container.exec_run(["cat", "/etc/hostname"]).exit_code)
    container.remove(force=True)
    wider = dict(
        privileged=True, user="0", volumes={"/etc": {"bind": "/m"}}, network_mode="host", pid_mode="host", cap_add=["ALL"],
        devices=["/dev/kmsg"], pids_limit=-1, security_opt=["seccomp=unconfined"], group_add=["0"], userns_mode="host",
        volumes_from=[container.id], ports={"80/tcp": 80}, publish_all_ports=True, device_cgroup_rules=["a *:* rwm"],
        sysctls={"net.ipv4.ip_forward": "1"}, cgroup_parent="/", ipc_mode="host", runtime="other", oom_score_adj=-1,
    )
    for name, value in wider.items():
        options = {**usual, name: value, **({"network": None} if name == "network_mode" else {})}
        try:
            run("busybox", ["true"], **{key: one for key, one in options.items() if one is not None})
            print(name, "passed")
        except docker.errors.APIError as error:
            assert error.status_code == 403, (name, error)
            assert "ContainerCreate denied" in error.explanation, (name, error)
"""


def test_docker_s_library_runs_containers_and_is_refused_what_reaches_further(
    before: Before, jobs: Path, label: str
) -> None:
    assert jobs
    proxy, python = before(LIBRARY, program=(sys.executable, "-c"))
    assert python.text(SCRIPT, label).splitlines() == ["b", "box", "0"]
    assert denied(proxy)


TESTCONTAINERS_POLICY = """
- preset:ping
- SystemInfo
- ContainerList
- ContainerInspect
- ContainerLogs
- ContainerCreate: {networks: ["*"], publish: {ports: [0]}, labels: {owner: tests}}
- ContainerStart
- ContainerStop
- ContainerDelete
- ContainerExec
- ExecStart
- ExecInspect
- ImageInspect
- ImageList
- NetworkCreate
- NetworkInspect
- NetworkConnect: {networks: ["*"]}
- NetworkDelete
"""
TESTCONTAINERS = """
import docker
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy
with Network() as network:
    container = DockerContainer("busybox").with_command("sh -c 'echo it is ready; exec sleep 600'")
    container = container.with_network(network).with_network_aliases("one").with_exposed_ports(80).with_env("A", "b")
    with container.waiting_for(LogMessageWaitStrategy("it is ready")) as running:
        print(running.exec(["sh", "-c", "echo $A"]).output.decode().strip(), bool(running.get_exposed_port(80)))
    try:
        DockerContainer("busybox").with_volume_mapping("/etc", "/m").start()
    except docker.errors.APIError as error:
        print(error.status_code, "HostConfig.Binds[0]" in error.explanation)
    try:
        DockerContainer("busybox").with_kwargs(privileged=True).start()
    except docker.errors.APIError as error:
        print(error.status_code, "HostConfig.Privileged" in error.explanation)
"""


def test_testcontainers_work_and_are_refused_what_reaches_further(before: Before) -> None:
    proxy, python = before(
        TESTCONTAINERS_POLICY, program=(sys.executable, "-c"), extra={"TESTCONTAINERS_RYUK_DISABLED": "true"}
    )
    assert python.run(TESTCONTAINERS).decode().splitlines() == ["b True", "403 True", "403 True"]
    assert len(denied(proxy)) == 2
