"""Scenarios of clients that create containers: each does the same on every run, through any socket."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import yaml
from e2e.programs import Client

NODE = Path(__file__).parent / "node"
NODE_PROGRAM = (shutil.which("node") or "node",)
DOCKERFILE = "FROM busybox\nENV X=y\nRUN echo built > /etc/built\n"

COPIES = """
- ContainerArchive: {own: true, running: true}
- PutContainerArchive: {own: true, running: true}
"""
"""For programs that copy files while their containers run."""


def add_copies(allow: str) -> str:
    """Return what was learned, in JSON, with lines for such copies: no record says whether a container ran."""
    return json.dumps([*json.loads(allow), *yaml.safe_load(COPIES)])


def run_node(client: Client, script: str, *words: str, **extra: str) -> str:
    """Run a program of Node's to a good end; return what it printed."""
    assert (NODE / "node_modules").is_dir(), f"install it: npm ci --ignore-scripts --prefix {NODE}"
    return replace(client, program=(*NODE_PROGRAM, str(NODE / script)), extra=extra).run(*words).decode()


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a client does, and the policy that allows it.

    Attributes:
        run: Does its work in a folder of the host; returns what it saw.
        result: What it must see.
        overreach: Tries what the policy does not allow; returns the answers.
        denials: What the answers must be.
        allow: The policy in YAML. `/srv` stands for the folder, `CASE` for the name of all that is created.
    """

    run: Callable[[Client, Path], object]
    result: object
    overreach: Callable[[Client, Path], object]
    denials: object
    allow: str


def run_dockerode(client: Client, _: Path) -> object:
    return json.loads(run_node(client, "dockerode.js", "run", f"case-{client.label}"))


def overreach_with_dockerode(client: Client, _: Path) -> object:
    return json.loads(run_node(client, "dockerode.js", "overreach", f"case-{client.label}"))


DOCKERODE = Scenario(
    run_dockerode,
    {
        "ran": "b 0",
        "copied": True,
        "logs": True,
        "listed": 1,
        "running": True,
        "built": True,
        "pulled": [500, 500, 500],
    },
    overreach_with_dockerode,
    [403] * 7,
    """
- NetworkCreate: {names: [CASE]}
- NetworkConnect: {containers: [CASE], networks: [CASE]}
- NetworkDisconnect: {containers: [CASE], networks: [CASE]}
- NetworkDelete: {networks: [CASE]}
- VolumeCreate: {names: [CASE]}
- VolumeDelete: {volumes: [CASE]}
- ContainerCreate: {names: [CASE], images: [busybox], networks: [CASE], volumes: [CASE]}
- ContainerUpdate: {containers: [CASE], memory: 64MiB}
- ContainerExec: {containers: [CASE]}
- ExecStart: {containers: [CASE]}
- ExecInspect: {containers: [CASE]}
- PutContainerArchive: {containers: [CASE], running: true}
- ContainerArchive: {containers: [CASE], running: true}
- ContainerInspect: {containers: [CASE]}
- ContainerLogs: {containers: [CASE]}
- ContainerStart: {containers: [CASE]}
- ContainerStop: {containers: [CASE-old]}
- ContainerWait: {containers: [CASE-old]}
- ContainerDelete: {containers: [CASE-old]}
- ContainerRename: {containers: [CASE], names: [CASE-old]}
- ContainerList
- ImageBuild: {tags: ["CASE:built"]}
- ImageTag: {images: ["CASE:built"], tags: ["CASE:tagged"]}
- ImageDelete: {images: ["CASE:*"]}
- ImageCreate: {images: ["registry.invalid/none:1"]}
""",
)


def run_testcontainers(client: Client, folder: Path) -> object:
    (folder / "Dockerfile").write_text(DOCKERFILE)
    words = ("run", f"case-{client.label}", str(folder))
    return json.loads(run_node(client, "testcontainers.js", *words, TESTCONTAINERS_RYUK_DISABLED="true"))


def overreach_with_testcontainers(client: Client, _: Path) -> object:
    return json.loads(run_node(client, "testcontainers.js", "overreach", TESTCONTAINERS_RYUK_DISABLED="true"))


TESTCONTAINERS = Scenario(
    run_testcontainers,
    {"ran": "b\ncopied 0", "published": True},
    overreach_with_testcontainers,
    [403] * 4,
    """
- SystemInfo
- ContainerList
- NetworkCreate: {labels: {org.testcontainers: "true"}}
- NetworkConnect: {containers: [CASE], networks: ["*"]}
- NetworkDelete
- ContainerCreate: {images: ["CASE:built", busybox], publish: {ports: [0]}, memory: 64MiB, cpus: 0.5}
- ContainerStart: {containers: [CASE]}
- ContainerRestart: {containers: [CASE]}
- ContainerStop: {containers: [CASE]}
- ContainerDelete: {containers: [CASE]}
- ContainerInspect: {containers: [CASE]}
- ContainerLogs: {containers: [CASE]}
- PutContainerArchive: {containers: [CASE], running: true}
- ContainerExec: {containers: [CASE]}
- ExecStart: {containers: [CASE]}
- ExecInspect: {containers: [CASE]}
- ImageInspect
- ImageBuild: {tags: ["CASE:built"]}
""",
)

DEVCONTAINER = {
    "image": "busybox",
    "remoteUser": "root",
    "mounts": ["source=CASE,target=/cache,type=volume"],
    "containerEnv": {"A": "b"},
    "runArgs": ["--name=CASE", "--network=none", "--cap-drop=ALL"],
    "postCreateCommand": "echo created > /tmp/created",
}
WIDER_DEVCONTAINERS = (
    {"privileged": True},
    {"capAdd": ["SYS_ADMIN"]},
    {"mounts": ["source=/etc,target=/host,type=bind"]},
    {"runArgs": ["--network=host"]},
)


def devcontainer(client: Client, folder: Path, verb: str, *words: str, **more: object) -> str:
    """Run the command line of development containers on a folder that describes one; return all that it printed."""
    (folder / ".devcontainer").mkdir(exist_ok=True)
    text = json.dumps({**DEVCONTAINER, **more}).replace("CASE", f"case-{client.label}")
    (folder / ".devcontainer" / "devcontainer.json").write_text(text)
    program = (*NODE_PROGRAM, f"{NODE}/node_modules/@devcontainers/cli/devcontainer.js")
    words = (verb, "--workspace-folder", str(folder), "--user-data-folder", str(client.home), *words)
    done = replace(client, program=program).attempt(*words)
    return (done.stdout + done.stderr).decode()


def run_devcontainer(client: Client, folder: Path) -> object:
    name = f"case-{client.label}"
    came_up = devcontainer(client, folder, "up")
    ran = devcontainer(client, folder, "exec", "sh", "-c", "echo $A; cat /tmp/created; ls .devcontainer")
    for words in (("rm", "--force", name), ("volume", "rm", name)):
        client.run(*words)
    return ['"outcome":"success"' in came_up, "b\ncreated\ndevcontainer.json" in ran.replace("\r", "")]


def overreach_with_devcontainer(client: Client, folder: Path) -> object:
    said = [devcontainer(client, folder, "up", **more) for more in WIDER_DEVCONTAINERS]
    return ["ContainerCreate denied" in text for text in said]


DEVCONTAINERS = Scenario(
    run_devcontainer,
    [True, True],
    overreach_with_devcontainer,
    [True] * len(WIDER_DEVCONTAINERS),
    """
- SystemPingHead
- SystemVersion
- SystemEvents
- ContainerList
- ImageInspect: {images: [busybox]}
- ContainerCreate: {names: [CASE], images: [busybox], networks: [none], volumes: [CASE], binds: [/srv]}
- ContainerAttach: {containers: [CASE]}
- ContainerStart: {containers: [CASE]}
- ContainerWait: {containers: [CASE]}
- ContainerInspect: {containers: [CASE]}
- ContainerExec: {containers: [CASE]}
- ExecStart: {containers: [CASE]}
- ExecInspect: {containers: [CASE]}
- ContainerDelete: {containers: [CASE]}
- VolumeDelete: {volumes: [CASE]}
""",
)

SANDBOX = """
import json, sys
from llm_sandbox import SandboxSession
what, name, folder = sys.argv[1:]
usual = {"name": name, "network_mode": "none", "mem_limit": "64m", "stop_signal": "KILL", "cap_drop": ["ALL"]}

def run(**more):
    settings = {"lang": "python", "dockerfile": f"{folder}/Dockerfile", "runtime_configs": {**usual, **more}}
    with SandboxSession(**settings) as session:
        session.copy_to_runtime(f"{folder}/Dockerfile", "/sandbox/copied")
        ran = session.run("print('it ran')")
        session.copy_from_runtime("/sandbox/copied", f"{folder}/back")
        return [ran.exit_code, ran.stdout.strip(), session.execute_command("ls /sandbox/copied").exit_code]

def attempt(**more):
    try:
        return run(**more)
    except Exception as error:  # whatever the client makes of a refusal
        return "ContainerCreate denied" in str(error)

wider = {"privileged": True, "network_mode": "host", "volumes": {"/etc": {"bind": "/host"}}, "cap_add": ["ALL"]}
print(json.dumps(run() if what == "run" else [attempt(**{key: value}) for key, value in wider.items()]))
"""
INTERPRETER = r"""
FROM busybox
RUN mkdir -p /sandbox/.sandbox-venv/bin
RUN printf '#!/bin/sh\nsleep 0.5\necho it ran\n' > /bin/python && chmod +x /bin/python
RUN cd /sandbox/.sandbox-venv/bin && ln -s /bin/python python && ln -s /bin/python pip
"""


def run_sandbox(client: Client, folder: Path, what: str) -> object:
    """Run a program in llm-sandbox, in an image with an interpreter of one line."""
    context = folder / f"case-{client.label}"  # By which the library calls the image.
    context.mkdir(exist_ok=True)
    # No other test makes an image with the same ID, whose names would be those of this one.
    (context / "Dockerfile").write_text(f"{INTERPRETER}RUN : {client.label}\n")
    python = replace(client, program=(sys.executable, "-c"))
    return json.loads(python.run(SANDBOX, what, context.name, str(context)))


SANDBOXES = Scenario(
    partial(run_sandbox, what="run"),
    [0, "it ran", 0],
    partial(run_sandbox, what="overreach"),
    [True] * 4,
    """
- SystemVersion
- ImageBuild: {tags: ["sandbox-python-CASE:latest"]}
- ImageInspect
- ImageDelete: {images: [sandbox-python-CASE], force: true}
- ContainerList
- ContainerCreate: {names: [CASE], images: [sandbox-python-CASE], networks: [none], memory: 64MiB}
- ContainerStart: {containers: [CASE]}
- ContainerInspect: {containers: [CASE]}
- ContainerExec: {containers: [CASE]}
- ExecStart: {containers: [CASE]}
- ExecInspect: {containers: [CASE]}
- ContainerArchive: {containers: [CASE], running: true}
- PutContainerArchive: {containers: [CASE], running: true}
- ContainerStop: {containers: [CASE]}
- ContainerWait: {containers: [CASE]}
- ContainerDelete: {containers: [CASE]}
""",
)

SCENARIOS = {
    "dockerode": DOCKERODE,
    "testcontainers": TESTCONTAINERS,
    "devcontainers": DEVCONTAINERS,
    "llm-sandbox": SANDBOXES,
}
