"""Every example is read by the program that it is written for."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from waiting import PATIENCE

from dockerproxy.config.environment import read_environment
from dockerproxy.config.policy_file import read_policy_file

pytestmark = pytest.mark.engine

EXAMPLES = Path(__file__).parents[2] / "examples"
QUADLET = "/usr/libexec/podman/quadlet"
ARGUMENTS_OF_TASKS = {"name", "become", "loop", "notify", "register", "tags", "vars", "when"}


def run(program: str, *words: str | Path, environment: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Run a program that must exist and end well, and return its two streams."""
    if shutil.which(program) is None:
        pytest.fail(f"the tests of the examples need {program}; tests/setup says which package has it")
    done = subprocess.run(
        [program, *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(environment or {})},
        timeout=PATIENCE,
    )
    assert done.returncode == 0, f"{program} exited {done.returncode}: {done.stderr}"
    return done.stdout, done.stderr


def find_examples() -> list[Path]:
    return sorted(path for path in EXAMPLES.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "example", [path for path in find_examples() if path.suffix not in {".md", ".json"}], ids=lambda path: path.name
)
def test_an_example_says_what_it_is_for_how_to_start_it_and_what_to_change(example: Path) -> None:
    head = re.match(r"(#.*\n)+", example.read_text())
    assert head is not None
    assert re.search("start|copy", head[0], re.IGNORECASE)
    assert "change" in head[0].lower()


def test_the_index_names_every_example() -> None:
    index = (EXAMPLES / "README.md").read_text()
    assert [path for path in find_examples() if path.name != "README.md" and path.name not in index] == []


def test_compose_reads_its_file(tmp_path: Path) -> None:
    file = EXAMPLES / "compose/compose.yaml"
    words = ("compose", "--file", file, "config", "--format", "json")
    printed, complaints = run("docker", *words, environment={"HOME": str(tmp_path)})
    assert complaints == ""
    services = json.loads(printed)["services"]
    assert services["dockerproxy"]["network_mode"] == "none"
    assert services["dockerproxy"]["read_only"]
    assert services["dockerproxy"]["cap_drop"] == ["ALL"]
    mounts = {mount["target"]: mount for mount in services["traefik"]["volumes"]}
    assert mounts["/proxied"]["read_only"]


def test_each_client_of_the_example_with_a_policy_has_a_volume_with_its_socket_and_no_other(tmp_path: Path) -> None:
    file = EXAMPLES / "compose/several-clients.yaml"
    words = ("compose", "--file", file, "config", "--format", "json")
    printed, complaints = run("docker", *words, environment={"HOME": str(tmp_path)})
    assert complaints == ""
    services = json.loads(printed)["services"]
    proxy = services.pop("dockerproxy")
    assert (proxy["network_mode"], proxy["read_only"], proxy["cap_drop"]) == ("none", True, ["ALL"])
    places = {mount["source"]: mount["target"] for mount in proxy["volumes"] if mount["type"] == "volume"}
    sockets = {socket.name: socket for socket in read_policy_file(f"{EXAMPLES}/compose/policy/policy.yaml").sockets}
    assert sockets.keys() == services.keys()
    for name, service in services.items():
        (mount,) = service["volumes"]
        assert (mount["target"], mount["read_only"]) == ("/proxied", True)
        assert sockets[name].path == f"{places[mount['source']]}/docker.sock"
    assert places["learned"] == proxy["environment"]["LEARN_DIR"]


def test_in_the_example_of_own_each_client_has_its_socket_where_the_host_has_it(tmp_path: Path) -> None:
    words = ("compose", "--file", EXAMPLES / "compose/own.yaml", "config", "--format", "json")
    printed, complaints = run("docker", *words, environment={"HOME": str(tmp_path)})
    assert complaints == ""
    services = json.loads(printed)["services"]
    proxy = services.pop("dockerproxy")
    assert (proxy["network_mode"], proxy["read_only"], proxy["cap_drop"]) == ("none", True, ["ALL"])
    places = {mount["target"]: mount["source"] for mount in proxy["volumes"]}
    sockets = {socket.name: socket for socket in read_policy_file(f"{EXAMPLES}/compose/own/policy.yaml").sockets}
    for name, socket in sockets.items():
        assert socket.path == f"/proxied/{name}/docker.sock"
        assert socket.policy.owner == name
        assert socket.policy.policy.places.own_socket in {"", f"{places[f'/proxied/{name}']}/docker.sock"}
    for name, service in services.items():
        mounts = {mount["target"]: mount["source"] for mount in service["volumes"]}
        assert mounts.pop("/proxied") == places[f"/proxied/{name}"]
        assert mounts == sockets[name].policy.policy.places.paths


def test_quadlet_makes_services_of_its_files() -> None:
    printed, complaints = run(QUADLET, "-dryrun", environment={"QUADLET_UNIT_DIRS": str(EXAMPLES / "quadlet")})
    assert [line for line in complaints.splitlines() if "Loading source unit file" not in line] == []
    commands = re.findall(r"^ExecStart=(.*)$", printed, re.MULTILINE)
    assert [command.split()[1] for command in commands] == ["volume", "run"]
    for option in ("--network none", "--read-only ", "--cap-drop all", "--cap-add dac_override"):
        assert option in commands[1]
    assert "-v %t/podman:/docker:ro -v proxied:/proxied " in commands[1]


def test_systemd_finds_nothing_to_say_about_the_service(tmp_path: Path) -> None:
    unit = tmp_path / "dockerproxy.service"
    text = (EXAMPLES / "systemd/dockerproxy.service").read_text()
    unit.write_text(
        text.replace("ExecStart=/opt/dockerproxy/bin/dockerproxy", f"ExecStart={sys.executable} -m dockerproxy")
    )
    socket = shutil.copy(EXAMPLES / "systemd/dockerproxy.socket", tmp_path)
    (tmp_path / "dockerproxy.service.d").mkdir()
    shutil.copy(EXAMPLES / "audit/dockerproxy.service.conf", tmp_path / "dockerproxy.service.d/audit.conf")
    assert run("systemd-analyze", "verify", unit, socket) == ("", "")


def test_the_socket_of_systemd_is_the_one_that_the_service_serves() -> None:
    unit, socket = ((EXAMPLES / f"systemd/dockerproxy.{kind}").read_text() for kind in ("service", "socket"))
    assert re.findall("^ListenStream=(.*)$", socket, re.MULTILINE) == re.findall("PROXIED_SOCKET_PATH=(.*)", unit)
    assert f"SocketMode={read_environment({}).settings.sockets[0].permissions:04o}" in socket


def test_the_service_can_do_little() -> None:
    unit = EXAMPLES / "systemd/dockerproxy.service"
    printed, _ = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    level = re.search(r"Overall exposure level for dockerproxy.service: ([\d.]+)", printed)
    assert level is not None
    assert float(level[1]) < 1


def test_systemd_takes_the_directory_for_the_socket_of_docker(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "systemd/docker.socket.d", tmp_path / "docker.socket.d")
    environment = {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"}  # the colon: and where systemd looks anyway
    assert run("systemd-analyze", "verify", "docker.socket", environment=environment) == ("", "")


@pytest.mark.parametrize("name", ["rsyslog.conf", "syslog-ng.conf", "alloy.alloy", "vector.yaml", "fluent-bit.yaml"])
def test_a_collector_asks_journald_who_wrote_a_line_and_not_the_writer(name: str) -> None:
    text = re.sub("#.*", "", (EXAMPLES / "audit" / name).read_text())
    assert "_SYSTEMD_UNIT" in text
    assert "dockerproxy.service" in text
    assert not re.search("SYSLOG_IDENTIFIER|programname|_COMM", text)
    assert yaml.safe_load(text) if name.endswith(".yaml") else text


def test_ansible_reads_its_playbook(tmp_path: Path) -> None:
    playbook = EXAMPLES / "ansible/playbook.yaml"
    environment = {"HOME": str(tmp_path)}
    run("ansible-playbook", "--syntax-check", "--inventory=localhost,", playbook, environment=environment)


def test_ansible_s_modules_have_the_arguments_that_are_used(tmp_path: Path) -> None:
    tasks = yaml.safe_load((EXAMPLES / "ansible/playbook.yaml").read_text())[0]["tasks"]
    used = [
        (module, arguments) for task in tasks for module, arguments in task.items() if module not in ARGUMENTS_OF_TASKS
    ]
    known = read_arguments({module for module, _ in used}, tmp_path)
    assert [(module, name) for module, arguments in used for name in arguments if name not in known[module]] == []


def read_arguments(modules: Iterable[str], home: Path) -> dict[str, set[str]]:
    """Ask Ansible for the names of each module's arguments."""
    printed, _ = run("ansible-doc", "--json", *sorted(modules), environment={"HOME": str(home)})
    found: dict[str, Any] = json.loads(printed)
    return {
        module: {
            name
            for option, description in found[module]["doc"]["options"].items()
            for name in (option, *description.get("aliases", ()))
        }
        for module in modules
    }
