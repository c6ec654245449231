"""What people do with containers on the command line, through the proxy, on Docker and on Podman."""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from e2e.programs import Client
from waiting import wait_until

pytestmark = pytest.mark.engine


@pytest.fixture
def sleeper(client: Client) -> str:
    """A container that printed a line on each stream, made a file, and sleeps."""
    container = client.start_container("sh", "-c", "touch /made; echo to-out; echo to-err >&2; exec sleep 600")
    wait_until(lambda: client.text("logs", container).count("to-") == 2, "the container has printed")
    return container


@pytest.fixture
def image(client: Client) -> Iterator[str]:
    """A name for an image that the test makes; removed at the end."""
    name = f"made-{uuid4().hex[:12]}:latest"
    yield name
    client.run("rmi", "--force", name)


def test_version_tells_of_client_and_server(client: Client) -> None:
    versions = json.loads(client.text("version", "--format", "json"))
    assert versions["Client"]["Version"]
    assert versions["Server"]["Version"]


def test_info_counts_containers(client: Client, sleeper: str) -> None:
    information = json.loads(client.text("info", "--format", "json"))
    assert information["ContainersRunning"] >= 1
    assert sleeper in client.run("ps", "--quiet", "--no-trunc").decode()


def test_ps_lists_by_filter(client: Client, sleeper: str) -> None:
    listed = client.text("ps", "--no-trunc", "--filter", f"label=case={client.label}", "--format", "{{.ID}} {{.State}}")
    assert listed == f"{sleeper} running"


def test_images_lists_the_image(client: Client) -> None:
    assert "busybox:latest" in client.text("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines()


def test_inspect_shows_container_and_image(client: Client, sleeper: str) -> None:
    container, image = json.loads(client.text("inspect", sleeper, "busybox"))
    assert container["State"]["Running"] is True
    assert container["Config"]["Labels"]["case"] == client.label
    assert "busybox:latest" in image["RepoTags"][0]


def test_logs_keep_the_two_streams_apart(client: Client, sleeper: str) -> None:
    done = client.attempt("logs", sleeper)
    assert done.returncode == 0
    assert (done.stdout, done.stderr) == (b"to-out\n", b"to-err\n")


def test_followed_logs_come_as_they_are_written_and_end_with_the_container(client: Client) -> None:
    container = client.start_container("sh", "-c", "echo first; read line; echo got $line", options=("-i",))
    with client.watch("logs", "--follow", container) as logs:
        logs.wait_for("first\n")
        with client.watch("attach", container) as attached:
            attached.write(b"second\n")
            logs.wait_for("got second\n")
        assert logs.wait_end() == 0


def test_top_shows_the_processes(client: Client, sleeper: str) -> None:
    assert "sleep 600" in client.text("top", sleeper)


def test_stats_come_once_and_as_a_stream(client: Client, sleeper: str) -> None:
    assert sleeper in client.text("stats", "--no-stream", "--no-trunc", "--format", "{{.ID}} {{.MemUsage}}", sleeper)
    with client.watch("stats", "--no-trunc", "--format", "<{{.ID}} {{.PIDs}}>", sleeper) as stats:
        stats.wait_for(f"<{sleeper} 1>")


def test_diff_shows_the_changes(client: Client, sleeper: str) -> None:
    assert "A /made" in client.text("diff", sleeper).splitlines()


def test_files_are_copied_both_ways_unchanged(client: Client, sleeper: str, tmp_path: Path) -> None:
    content = os.urandom(5_000_000)
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(content)
    client.run("cp", str(there), f"{sleeper}:/tmp/copied")
    seen_inside = client.text("exec", sleeper, "sha256sum", "/tmp/copied").split()[0]
    client.run("cp", f"{sleeper}:/tmp/copied", str(back))
    assert seen_inside == hashlib.sha256(content).hexdigest()
    assert back.read_bytes() == content


def test_a_saved_image_can_be_loaded_again(client: Client, image: str) -> None:
    client.run("tag", "busybox", image)
    saved = client.run("save", image)
    client.run("rmi", image)
    assert image.removesuffix(":latest") in client.text("load", data=saved)
    assert client.run_container(image, "echo", "loaded") == "loaded"


def test_an_exported_container_can_be_imported_as_an_image(client: Client, sleeper: str, image: str) -> None:
    exported = client.run("export", sleeper)
    with tarfile.open(fileobj=BytesIO(exported)) as tar:
        assert any(name.lstrip("./") == "made" for name in tar.getnames())
    client.run("import", "-", image, data=exported)
    assert client.run_container(image, "ls", "/made") == "/made"


def test_the_exit_status_of_a_container_comes_back(client: Client) -> None:
    assert client.attempt("run", "--rm", "--network=none", "busybox", "sh", "-c", "exit 7").returncode == 7


def test_a_container_on_the_default_network_has_an_address(client: Client) -> None:
    assert "inet " in client.run_container("busybox", "ip", "address", "show", "eth0", options=())


def test_exec_without_input_prints_what_the_command_prints(client: Client, sleeper: str) -> None:
    done = client.attempt("exec", sleeper, "sh", "-c", "echo out; echo err >&2; exit 3", data=b"never read")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


def test_exec_with_input_reads_to_the_end_of_it(client: Client, sleeper: str) -> None:
    content = os.urandom(1_000_000)
    assert client.run("exec", "-i", sleeper, "cat", data=content) == content


def test_a_terminal_is_given_its_size(client: Client) -> None:
    command = (
        "docker run --rm -it --network=none busybox sh -c 'until stty size | grep -q \"^31 \"; do :; done; stty size'"
    )
    script = Client(
        program=("script", "--quiet", "--return", "/dev/null", "--command"),
        socket=client.socket,
        home=client.home,
        label=client.label,
        extra={"TERM": "xterm"},
    )
    assert "31 97" in script.text(f"stty rows 31 columns 97; {command}")


def test_attach_speaks_with_a_running_container(client: Client) -> None:
    container = client.start_container("cat", options=("-i",))
    with client.watch("attach", "--sig-proxy=false", container) as attached:
        for word in ("one", "two"):
            attached.write(f"{word}\n".encode())
            attached.wait_for(f"{word}\n")


def test_an_event_arrives_while_the_stream_is_open(client: Client, sleeper: str) -> None:
    with client.watch("events", "--filter", f"container={sleeper}", "--format", "<{{.Action}}>") as events:
        # Pause again until it is seen: nothing tells when the stream is open.
        for _ in range(50):
            client.run("pause", sleeper)
            client.run("unpause", sleeper)
            if not events.is_silent_for(0.1):
                break
        events.wait_for("pause>")


def test_wait_ends_when_the_container_does(client: Client, sleeper: str) -> None:
    with client.watch("wait", sleeper) as waiting:
        assert waiting.is_silent_for(0.5)
        client.run("kill", sleeper)
        waiting.wait_for("137\n")
        assert waiting.wait_end() == 0


def test_a_container_is_renamed(client: Client, sleeper: str) -> None:
    name = f"renamed-{client.label}"
    client.run("rename", sleeper, name)
    assert client.text("inspect", "--format", "{{.ID}}", name) == sleeper


def test_a_container_is_paused_and_goes_on(client: Client, sleeper: str) -> None:
    state = ("inspect", "--format", "{{.State.Status}}", sleeper)
    client.run("pause", sleeper)
    assert client.text(*state) == "paused"
    client.run("unpause", sleeper)
    assert client.text(*state) == "running"


def test_a_container_is_stopped_started_and_restarted(client: Client) -> None:
    container = client.start_container("sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done")
    wait_until(lambda: client.text("logs", container), "it is ready")
    state = ("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", container)
    client.run("stop", container)
    assert client.text(*state) == "exited 5"
    client.run("start", container)
    client.run("restart", container)
    assert client.text(*state) == "running 0"


def test_a_container_is_killed_and_removed(client: Client, sleeper: str) -> None:
    client.run("kill", sleeper)
    wait_until(lambda: client.text("inspect", "--format", "{{.State.Status}}", sleeper) == "exited", "it ended")
    client.run("rm", sleeper)
    assert client.text("ps", "--all", "--quiet", "--filter", f"label=case={client.label}") == ""


def test_a_volume_and_a_network_are_made_listed_and_removed(client: Client) -> None:
    name = f"made-{client.label}"
    for kind in ("volume", "network"):
        client.run(kind, "create", name)
        assert name in client.text(kind, "ls", "--format", "{{.Name}}").splitlines()
        assert json.loads(client.text(kind, "inspect", name))[0]["Name"] == name
        client.run(kind, "rm", name)
        assert name not in client.text(kind, "ls", "--format", "{{.Name}}").splitlines()


def test_a_changed_container_is_committed_as_an_image(client: Client, sleeper: str, image: str) -> None:
    client.run("commit", sleeper, image)
    assert client.run_container(image, "ls", "/made") == "/made"
