"""Podman's own client under contained grants; and what each refused field does where nobody refuses it."""

import json
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.images import import_image
from e2e.programs import Client
from e2e.proxies import Proxy, running_policy
from e2e.talk import Answer, ask

from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS

pytestmark = pytest.mark.engine

API = "/v5.4.2/libpod"
LIMITED = (
    *("--memory=64m", "--cpus=1", "--pids-limit=50", "--user=1000:1000", "--security-opt=no-new-privileges"),
    *("--label=a=b", "--tmpfs=/t:size=1m", "--read-only", "--health-cmd=true", "--env=A=b", "--workdir=/tmp"),
    *("--cap-add=NET_BIND_SERVICE", "--hostname=inside", "--add-host=a:1.2.3.4", "--ulimit=nofile=100"),
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    """A directory of the host that may be mounted, with one file in it."""
    folder = Path("/srv/dockerproxy-e2e")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "greeting").write_text("hello from the host")
    yield folder
    (folder / "greeting").unlink()
    folder.rmdir()


@pytest.fixture(scope="module")
def proxy(podman: Engine, shared: Path) -> Iterator[Proxy]:
    """A proxy that allows what is not about bodies, and the rest within bounds."""
    free = [name for name in OPERATIONS if name.endswith("Libpod") and name not in CONTAINED]
    bounded: list[object] = [
        {
            "ContainerCreateLibpod": {
                "names": ["ci-*"],
                "images": ["docker.io/library/busybox"],
                "binds": [f"{shared}/**:ro", f"{shared}:ro"],
                "volumes": ["ci_*"],
                "networks": ["none", "podman"],
                "joins": ["ci-*"],
                "pods": ["ci-*"],
                "publish": {"ports": ["18080"], "addresses": ["127.0.0.1"]},
                "secrets": ["ci-*"],
                "add_capabilities": ["NET_BIND_SERVICE"],
                "labels": {"owner": "ci"},
            }
        },
        {"ContainerExecLibpod": {"containers": ["ci-*"], "commands": [["cat", "**"]]}},
        {"ExecStartLibpod": {"containers": ["ci-*"], "commands": [["cat", "**"]]}},
        {"PodCreateLibpod": {"names": ["ci-*"], "images": ["docker.io/library/busybox"]}},
        {"VolumeCreateLibpod": {"names": ["ci_*"]}},
        {"SecretCreateLibpod": {"names": ["ci-*"]}},
        {"ImageTagLibpod": {"tags": ["localhost/ci/*"]}},
        {"ContainerUpdateLibpod": {"memory": "128MiB", "cpus": "0.1"}},
        *("ImagePullLibpod", "ContainerRenameLibpod", "NetworkCreateLibpod", "ImageImportLibpod"),
    ]
    with running_policy(podman.socket, json.dumps([*free, *bounded])) as running:
        yield running


@pytest.fixture
def remote(podman: Engine, proxy: Proxy, make_client: partial[Client], tmp_path: Path) -> Iterator[Client]:
    """The podman command line, through that proxy."""
    words = ("podman", "--remote", "--url", f"unix://{proxy.socket}")
    client = make_client(program=words, socket=proxy.socket, extra={"XDG_RUNTIME_DIR": str(tmp_path)})
    yield client
    remove_containers(podman, client.label)
    for container in ask(podman.socket, "GET", f"{API}/containers/json?all=true").json():
        if any(name.startswith("ci-") for name in container["Names"]):
            ask(podman.socket, "DELETE", f"{API}/containers/{container['Id']}?force=true&timeout=0&v=true")


def post(path: Path, target: str, content: object = None) -> Answer:
    """Send a body in Podman's own API."""
    body = content if isinstance(content, bytes | None) else json.dumps(content).encode()
    return ask(path, "POST", API + target, body)


def test_an_ordinary_container_runs(remote: Client, shared: Path) -> None:
    words = ("--rm", "--name=ci-1", "--network=none", f"--volume={shared}:/x:ro", "--volume=ci_data:/v", *LIMITED)
    assert remote.run("run", *words, "busybox", "cat", "/x/greeting") == b"hello from the host"


def test_what_is_made_is_what_was_understood(remote: Client, podman: Engine, shared: Path) -> None:
    words = (f"--volume={shared}:/x:ro", "--volume=ci_data:/v:ro", "--publish=127.0.0.1:18080:80", *LIMITED)
    container = remote.text("create", "--name=ci-2", *words, "busybox", "sleep", "600").splitlines()[-1]
    made: dict[str, Any] = ask(podman.socket, "GET", f"{API}/containers/{container}/json").json()
    config, host = made["Config"], made["HostConfig"]
    assert config["Labels"] == {"a": "b", "owner": "ci"}
    assert (config["User"], config["WorkingDir"], config["Hostname"]) == ("1000:1000", "/tmp", "inside")
    assert "A=b" in config["Env"]
    assert (host["Memory"], host["MemorySwap"], host["CpuQuota"], host["PidsLimit"]) == (2**26, 2**27, 100_000, 50)
    assert (host["Privileged"], host["ReadonlyRootfs"]) == (False, True)
    assert "no-new-privileges" in host["SecurityOpt"]
    assert {each["Destination"] for each in made["Mounts"]} == {"/x", "/v"}
    assert host["Tmpfs"].keys() == {"/t"}
    assert host["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}]}


def test_a_command_runs_in_a_container_that_has_joined_another(remote: Client) -> None:
    remote.run("run", "--detach", "--name=ci-3", "--network=none", "busybox", "sleep", "600")
    remote.run("run", "--detach", "--name=ci-4", "--network=container:ci-3", "busybox", "sleep", "600")
    assert remote.run("exec", "-i", "ci-4", "cat", data=b"through") == b"through"
    assert "a command that no rule allows" in remote.refused("exec", "ci-4", "id")
    assert "it changes what a command does" in remote.refused("exec", "--env=PATH=/tmp", "ci-4", "cat")
    assert "it changes what a command does" in remote.refused("exec", "--workdir=/tmp", "ci-4", "cat")


def test_volumes_and_secrets_are_made_and_used(remote: Client) -> None:
    assert remote.text("volume", "create", "ci_more") == "ci_more"
    remote.run("secret", "create", "ci-key", "-", data=b"the secret")
    words = ("--rm", "--name=ci-5", "--network=none", "--volume=ci_more:/v", "--secret=ci-key")
    assert remote.run("run", *words, "busybox", "cat", "/run/secrets/ci-key") == b"the secret"
    remote.run("secret", "rm", "ci-key")
    remote.run("volume", "rm", "ci_more")


def test_a_pod_is_made_and_joined(remote: Client) -> None:
    words = ("--infra-image=busybox", "--infra-command=sleep", "--share=ipc,uts", "--network=none", "ci-pod")
    remote.run("pod", "create", *words)
    remote.run("create", "--name=ci-6", "--pod=ci-pod", "--network=none", "busybox", "sleep", "600")
    assert "ci-6" in remote.text("ps", "--all", "--filter=pod=ci-pod", "--format={{.Names}}")
    remote.run("pod", "rm", "--force", "--time=0", "ci-pod")


def test_an_image_is_named_as_the_grant_says(remote: Client) -> None:
    remote.run("tag", "busybox", "ci/app:1")
    assert "an image name that no rule allows" in remote.refused("tag", "busybox", "docker.io/library/nginx:1")
    remote.run("untag", "busybox", "localhost/ci/app:1")


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("--privileged",), "privileged"),
        (("--volume=/etc:/x",), "mounts[0].source"),
        (("--mount=type=bind,src=/srv/dockerproxy-e2e,dst=/x",), "mounts[0].source"),
        (("--volume=/srv/dockerproxy-e2e:/x:O",), "overlay_volumes"),
        (("--volume=/srv/dockerproxy-e2e:/x:ro,rshared",), "mounts[0].options"),
        (("--volume=db:/x",), "volumes[0].Name"),
        (("--network=host",), "netns.nsmode"),
        (("--network=slirp4netns",), "netns.nsmode"),
        (("--pid=host",), "pidns"),
        (("--ipc=host",), "ipcns"),
        (("--uts=host",), "utsns.nsmode"),
        (("--cgroupns=host",), "cgroupns.nsmode"),
        (("--userns=host",), "userns.nsmode"),
        (("--cap-add=SYS_ADMIN",), "cap_add[0]"),
        (("--security-opt=seccomp=unconfined",), 'annotations["io.podman.annotations.seccomp"]'),
        (("--security-opt=unmask=ALL",), "unmask"),
        (("--device=/dev/null",), "devices"),
        (("--publish=80:80",), "portmappings[0].host_port"),
        (("--cgroup-parent=/",), "cgroup_parent"),
        (("--cgroups=disabled",), "cgroups_mode"),
        (("--log-opt=path=/tmp/x",), "log_configuration.path"),
        (("--group-add=0",), "groups"),
        (("--sysctl=net.ipv4.ip_forward=1",), "sysctl"),
        (("--annotation=a=b",), 'annotations["a"]'),
        (("--systemd=always",), "systemd"),
        (("--oom-score-adj=-1000",), "oom_score_adj"),
        (("--volumes-from=web",), "volumes_from"),
        (("--secret=other",), "secrets[0].Source"),
    ],
)
def test_an_option_that_reaches_further_is_refused(remote: Client, words: tuple[str, ...], field: str) -> None:
    complaint = remote.refused("create", "--name=ci-7", *words, "busybox", "true")
    assert f"ContainerCreateLibpod denied: {field} " in complaint


def make(podman: Engine, fields: dict[str, object]) -> dict[str, Any]:
    """Make a container past every proxy, and return what Podman says of it; it is gone again."""
    made = post(podman.socket, "/containers/create", {"image": "busybox", "netns": {"nsmode": "none"}, **fields})
    assert made.status == 201, made.body
    found: dict[str, Any] = ask(podman.socket, "GET", f"{API}/containers/{made.json()['Id']}/json").json()
    ask(podman.socket, "DELETE", f"{API}/containers/{made.json()['Id']}?force=true&timeout=0&v=true")
    return found


def find(document: dict[str, Any], path: str) -> object:
    """Return what stands at a path of names with dots."""
    value: Any = document
    for name in path.split("."):
        value = value[name]
    return value


SEEN: list[tuple[dict[str, object], str, object]] = [
    ({"privileged": True}, "HostConfig.Privileged", True),
    ({"PRIVILEGED": True}, "HostConfig.Privileged", True),
    ({"privileged": False, "Privileged": True}, "HostConfig.Privileged", True),
    ({"pidns": {"nsmode": "host"}}, "HostConfig.PidMode", "host"),
    ({"pidns": {"nsmode": "path", "value": "/proc/1/ns/pid"}}, "HostConfig.PidMode", "ns:/proc/1/ns/pid"),
    ({"ipcns": {"nsmode": "host"}}, "HostConfig.IpcMode", "host"),
    ({"utsns": {"nsmode": "host"}}, "HostConfig.UTSMode", "host"),
    ({"netns": {"nsmode": "host"}}, "HostConfig.NetworkMode", "host"),
    ({"cgroup_parent": "/libpod_parent/x"}, "HostConfig.CgroupParent", "/libpod_parent/x"),
    ({"oom_score_adj": 500}, "HostConfig.OomScoreAdj", 500),
    ({"log_configuration": {"driver": "k8s-file", "path": "/tmp/x.log"}}, "HostConfig.LogConfig.Path", "/tmp/x.log"),
    (
        {"healthLogDestination": "/tmp", "healthconfig": {"Test": ["CMD", "true"]}},
        "Config.HealthLogDestination",
        "/tmp",
    ),
    ({"systemd": "always"}, "Config.SystemdMode", True),
    ({"annotations": {"a": "b"}}, "Config.Annotations.a", "b"),
    ({"groups": ["0"]}, "HostConfig.GroupAdd", ["0"]),
]


@pytest.mark.parametrize(("fields", "path", "value"), SEEN, ids=lambda part: str(part)[:50])
def test_a_field_has_the_effect_that_is_feared_and_is_refused(
    podman: Engine, proxy: Proxy, fields: dict[str, object], path: str, value: object
) -> None:
    assert find(make(podman, fields), path) == value
    asked = {"name": "ci-8", "image": "busybox", "netns": {"nsmode": "none"}, **fields}
    answer = post(proxy.socket, "/containers/create", asked)
    assert answer.status == 403, answer.body
    assert answer.json()["message"].startswith("ContainerCreateLibpod denied: ")


def test_the_systemd_mode_that_a_command_turns_on_is_off(podman: Engine, proxy: Proxy) -> None:
    fields: dict[str, object] = {"command": ["/sbin/init"]}
    assert find(make(podman, fields), "Config.SystemdMode") is True
    asked = {"name": "ci-12", "image": "busybox", "netns": {"nsmode": "none"}, **fields}
    made = post(proxy.socket, "/containers/create", asked).json()["Id"]
    found = ask(podman.socket, "GET", f"{API}/containers/{made}/json").json()
    ask(podman.socket, "DELETE", f"{API}/containers/{made}?force=true&timeout=0")
    assert "SystemdMode" not in found["Config"]


HOST = "/srv/dockerproxy-e2e"
GREETING = ("cat", "/x/greeting")
PRINTS: list[tuple[dict[str, object], tuple[str, ...], str]] = [
    ({"mounts": [{"destination": "/x", "type": "bind", "source": HOST}]}, GREETING, "hello from the host"),
    ({"mounts": [{"destination": "/x", "source": HOST, "options": ["rbind"]}]}, GREETING, "hello from the host"),
    ({"mount\u017f": [{"destination": "/x", "type": "bind", "source": HOST}]}, GREETING, "hello from the host"),
    (
        {"mounts": [{"destination": "/x", "type": "overlay", "options": [f"lowerdir={HOST}:/mnt"]}]},
        GREETING,
        "hello from the host",
    ),
    ({"overlay_volumes": [{"destination": "/x", "source": HOST}]}, GREETING, "hello from the host"),
    (
        {"mounts": [{"destination": "/x", "type": "proc", "source": "proc"}]},
        ("head", "-n1", "/x/timer_list"),
        "Timer List",
    ),
    ({"seccomp_profile_path": "unconfined"}, ("grep", "Seccomp:", "/proc/self/status"), "Seccomp:\t0"),
    ({"sysctl": {"kernel.msgmax": "9"}}, ("cat", "/proc/sys/kernel/msgmax"), "9"),
    ({"env_host": True}, ("env",), "PODMAN_IGNORE_CGROUPSV1_WARNING=1"),
    ({"base_hosts_file": f"{HOST}/greeting"}, ("cat", "/etc/hosts"), "from"),
    ({"cap_add": ["SYS_TIME"]}, ("grep", "CapBnd", "/proc/self/status"), "82"),
]


@pytest.mark.parametrize(("fields", "command", "printed"), PRINTS, ids=lambda part: str(part)[:60])
def test_what_a_field_lets_a_container_see_is_refused(
    podman: Engine, proxy: Proxy, fields: dict[str, object], command: tuple[str, ...], printed: str
) -> None:
    asked = {"name": "ci-9", "image": "busybox", "netns": {"nsmode": "none"}, "command": command, **fields}
    made = post(podman.socket, "/containers/create", asked).json()["Id"]
    try:
        assert post(podman.socket, f"/containers/{made}/start").status == 204
        assert post(podman.socket, f"/containers/{made}/wait").json() == 0
        logs = ask(podman.socket, "GET", f"{API}/containers/{made}/logs?stdout=true").body
        assert printed.encode() in logs
    finally:
        ask(podman.socket, "DELETE", f"{API}/containers/{made}?force=true&timeout=0")
    assert post(proxy.socket, "/containers/create", asked).status == 403


def test_a_pod_on_the_host_is_not_joined(podman: Engine, proxy: Proxy) -> None:
    pod = {"name": "ci-host", "infra_image": "busybox", "infra_command": ["sleep", "9"], "pidns": {"nsmode": "host"}}
    shares = {**pod, "shared_namespaces": ["pid"], "netns": {"nsmode": "none"}}
    assert post(podman.socket, "/pods/create", shares).status == 201
    try:
        asked = {"image": "busybox", "pod": "ci-host", "netns": {"nsmode": "none"}}
        made = post(podman.socket, "/containers/create", asked).json()["Id"]
        found = ask(podman.socket, "GET", f"{API}/containers/{made}/json").json()
        assert found["HostConfig"]["PidMode"] == "host"
        answer = post(proxy.socket, "/containers/create", {"name": "ci-10", **asked})
        assert (answer.status, "in a namespace of the host" in answer.json()["message"]) == (403, True)
        assert post(proxy.socket, "/pods/create", shares).status == 403
    finally:
        ask(podman.socket, "DELETE", f"{API}/pods/ci-host?force=true&timeout=0")


def test_a_secret_runs_no_command_on_the_host(podman: Engine, proxy: Proxy, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    options = dict.fromkeys(("store", "list", "lookup", "delete"), f"touch {mark}")
    target = f"/secrets/create?name=ci-shell&driver=shell&driveropts={quote(json.dumps(options))}"
    assert post(proxy.socket, target, b"x").status == 403
    assert not mark.exists()
    assert post(podman.socket, target, b"x").status == 200
    assert mark.exists()
    ask(podman.socket, "DELETE", f"{API}/secrets/ci-shell")


def test_a_volume_is_no_directory_of_the_host(podman: Engine, proxy: Proxy) -> None:
    disguised = {"Name": "ci_disguise", "Options": {"type": "none", "o": "bind", "device": "/etc"}}
    assert post(proxy.socket, "/volumes/create", disguised).status == 403
    assert post(podman.socket, "/volumes/create", disguised).status == 201
    asked = {
        "name": "ci-11",
        "image": "busybox",
        "netns": {"nsmode": "none"},
        "volumes": [{"Name": "ci_disguise", "Dest": "/x"}],
    }
    assert post(proxy.socket, "/containers/create", asked).status == 403
    ask(podman.socket, "DELETE", f"{API}/volumes/ci_disguise")


def test_a_parameter_in_other_capitals_counts_for_podman_and_is_refused(podman: Engine, proxy: Proxy) -> None:
    made = post(podman.socket, "/containers/create", {"image": "busybox", "netns": {"nsmode": "none"}}).json()["Id"]
    try:
        assert post(proxy.socket, f"/containers/{made}/rename?name=ci-a&NAME=root").status == 403
        # Of the two, Podman takes either: it goes through a map. Alone it always counts.
        assert post(podman.socket, f"/containers/{made}/rename?NAME=root").status == 204
        assert ask(podman.socket, "GET", f"{API}/containers/{made}/json").json()["Name"] == "root"
    finally:
        ask(podman.socket, "DELETE", f"{API}/containers/{made}?force=true&timeout=0")


def test_an_image_is_not_made_of_an_archive_of_the_host(podman: Engine, proxy: Proxy, tmp_path: Path) -> None:
    archive = tmp_path / "secrets.tar"
    with tarfile.open(archive, "w") as tar:
        tar.addfile(tarfile.TarInfo("secret"))
    target = f"/images/import?reference=localhost/stolen:1&url={quote(str(archive))}"
    assert post(proxy.socket, target).status == 403
    assert post(podman.socket, target).status == 200
    ask(podman.socket, "DELETE", f"{API}/images/localhost/stolen:1")


def test_no_image_gets_a_name_by_which_it_is_found_in_place_of_another_s_id(podman: Engine) -> None:
    for number, name in enumerate(("ours:1", "theirs:1")):
        import_image(podman.socket, f"docker.io/library/{name}", b"\0" * 1024 * (number + 2))
    ours, theirs = (
        ask(podman.socket, "GET", f"{API}/images/{name}:1/json").json()["Id"] for name in ("ours", "theirs")
    )
    as_id, named = f"localhost/{theirs[:12]}", f"{API}/images/{theirs[:12]}/json"
    give = f"/images/docker.io/library/ours:1/tag?repo={as_id}&tag=latest"
    assert post(podman.socket, give).status == 201
    assert ask(podman.socket, "GET", named).json()["Id"] == ours
    assert post(podman.socket, f"/images/{as_id}/untag").status == 201
    for words in ('images: ["ours:*"], tags: ["localhost/**"]', 'images: ["**"]'):
        with running_policy(podman.socket, f"[{{ImageTag: {{{words}}}}}, {{ImageTagLibpod: {{{words}}}}}]") as limited:
            assert post(limited.socket, give).status == 403
            assert ask(limited.socket, "POST", give).status == 403
    assert ask(podman.socket, "GET", named).json()["Id"] == theirs
    for name in ("ours:1", "theirs:1"):
        ask(podman.socket, "DELETE", f"{API}/images/docker.io/library/{name}")


def test_a_network_is_none_of_the_host(proxy: Proxy) -> None:
    answer = post(proxy.socket, "/networks/create", {"name": "n", "driver": "macvlan"})
    assert (answer.status, "driver" in answer.json()["message"]) == (403, True)


def test_limits_are_not_raised_past_the_bound(podman: Engine, proxy: Proxy) -> None:
    cpu = {"quota": 1_000, "period": 10_000}
    unified = {"unified": {"memory.max": "max"}}
    limits = {"resource_limits": {"memory": {"limit": 2**26}, "cpu": cpu}, "netns": {"nsmode": "none"}}
    made = post(podman.socket, "/containers/create", {"image": "busybox", "command": ["sleep", "60"], **limits}).json()
    try:
        assert post(podman.socket, f"/containers/{made['Id']}/start").status == 204
        for raised in ({"memory": {"limit": 2**28}}, {"memory": {"swap": -1}}, {"cpu": {"quota": 10_000}}, unified):
            assert post(proxy.socket, f"/containers/{made['Id']}/update", raised).status == 403
        alone = {"memory": {"limit": 2**27}}
        assert post(proxy.socket, f"/containers/{made['Id']}/update", alone).status == 403
        assert post(proxy.socket, f"/containers/{made['Id']}/update", {**alone, "cpu": cpu}).status == 201
    finally:
        ask(podman.socket, "DELETE", f"{API}/containers/{made['Id']}?force=true&timeout=0")
