"""Metrics of a whole proxy, locked in as it is served: over their socket, and in the file that node_exporter reads."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.programs import Running, engine_at, run, serving
from folders import short_folder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
from prometheus_client.parser import text_string_to_metric_families as parse_old
from test_reload import PING, TWO, Reloaded, write
from waiting import PATIENCE

from dockerproxy.cli.request import ask, fetch

EXPORTER = "prometheus-node-exporter"


@contextmanager
def exporting(**variables: str) -> Iterator[tuple[Path, Running]]:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        places = {"METRICS_SOCKET": f"{folder}/m.sock", "METRICS_FILE": f"{folder}/d.prom", **variables}
        with serving(folder, PING="1", SANDBOX="required", **places) as proxy:
            yield folder, proxy


def scrape(folder: Path) -> dict[tuple[str, ...], float]:
    """Return the samples, by name and values of labels."""
    status, content = fetch(f"{folder}/m.sock", "GET", "/metrics")
    assert status == 200
    families = parse(content.decode())  # type: ignore[no-untyped-call] # a library without types
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def wait_for_file(path: Path, part: str = "") -> str:
    deadline = time.monotonic() + PATIENCE
    while not path.exists() or part not in path.read_text():
        assert time.monotonic() < deadline, "the file does not come"
    return path.read_text()


def test_the_socket_tells_what_was_done_and_only_its_owner_and_group_may_ask() -> None:
    with exporting() as (folder, _):
        assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 200
        assert ask(f"{folder}/docker.sock", "GET", "/info")[0] == 403
        found = scrape(folder)
        assert found["dockerproxy_requests_total", "docker", "SystemPing", "allowed"] == 1
        assert found["dockerproxy_turned_away_total", "docker", "policy"] == 1
        assert found["dockerproxy_process_resident_memory_bytes",] > 1 << 20
        assert found["dockerproxy_process_cpu_seconds_total",] > 0
        assert abs(found["dockerproxy_policy_loaded_timestamp_seconds", "docker"] - time.time()) < PATIENCE
        assert stat.S_IMODE(os.stat(folder / "m.sock").st_mode) == 0o660


def test_curl_gets_metrics_over_the_socket() -> None:
    with exporting() as (folder, _):
        words = ("curl", "--silent", "--fail", "--unix-socket", f"{folder}/m.sock", "http://dockerproxy/metrics")
        if shutil.which("curl") is None:
            pytest.fail("curl is missing; tests/setup installs it")
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE, check=True)
        assert done.stdout.endswith(b"# EOF\n")


def test_the_file_is_whole_readable_for_others_and_gone_with_the_proxy() -> None:
    with exporting() as (folder, proxy):
        text = wait_for_file(folder / "d.prom")
        places = {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        assert run("serve", **places, METRICS_FILE=f"{folder}/d.prom").status == 2  # One is running already.
        assert (folder / "d.prom").exists()
        names = {family.name for family in parse_old(text)}
        assert "dockerproxy_requests" in names
        assert stat.S_IMODE(os.stat(folder / "d.prom").st_mode) == 0o644
        proxy.signal(signal.SIGTERM)
        proxy.wait_end()
        assert not (folder / "d.prom").exists()
        assert not (folder / "m.sock").exists()


def test_who_takes_over_has_the_file_and_the_socket_and_keeps_them() -> None:
    with exporting() as (folder, first):
        before = wait_for_file(folder / "d.prom")
        places = {"METRICS_SOCKET": f"{folder}/m.sock", "METRICS_FILE": f"{folder}/d.prom", "TAKE_OVER": "1"}
        with serving(folder, SANDBOX="required", **places) as second:
            second.wait_for("listening on")
            assert ask(f"{folder}/docker.sock", "GET", "/info")[0] == 403
            deadline = time.monotonic() + PATIENCE
            while (folder / "d.prom").read_text() == before:
                assert time.monotonic() < deadline, "the second one does not write"
            first.signal(signal.SIGTERM)
            first.wait_end()
            assert (folder / "d.prom").exists()
            assert scrape(folder)["dockerproxy_turned_away_total", "docker", "policy"] == 1
            second.signal(signal.SIGTERM)
            second.wait_end()
        assert not (folder / "d.prom").exists()
        assert not (folder / "m.sock").exists()


def test_after_a_reload_there_are_metrics_of_the_new_sockets() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        write(folder, PING)
        places = {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock", "METRICS_SOCKET": f"{folder}/m.sock"}
        with Running("serve", "--policy", f"{folder}/policy.yaml", **places) as proxy:
            proxy.wait_for("listening on")
            reloaded = Reloaded(folder, proxy)
            assert reloaded.status("one", "/_ping") == 200
            before = scrape(folder)
            reloaded.turn(TWO)
            assert reloaded.status("two", "/version") == 200
            after = scrape(folder)
    assert ("dockerproxy_connections", "two") not in before
    assert after["dockerproxy_requests_total", "two", "SystemVersion", "allowed"] == 1
    assert after["dockerproxy_requests_total", "one", "SystemPing", "allowed"] == 1  # Counters do not start anew.


def test_what_cannot_be_used_is_said_at_the_start() -> None:
    with short_folder() as folder:
        places = {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        for variables, said in (
            ({"METRICS_FILE": f"{folder}/none/d.prom"}, "no such directory"),
            ({"METRICS_FILE": f"{folder}/d.txt"}, "does not end in .prom"),
            ({"METRICS_SOCKET": "m.sock"}, "is not an absolute path"),
            ({"METRICS_SOCKET": f"{folder}/docker.sock"}, "is another socket of this proxy"),
            ({"METRICS_SOCKET": f"{folder}/engine.sock"}, "is the socket of the engine"),
        ):
            done = run("serve", **places, **variables)
            assert (done.status, said in done.err) == (2, True), done.err


@pytest.mark.engine
def test_node_exporter_reads_the_file() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with exporting() as (folder, _):
        wait_for_file(folder / "d.prom")
        words = (EXPORTER, f"--collector.textfile.directory={folder}", f"--web.listen-address=127.0.0.1:{port}")
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as exporter:
            assert exporter.stderr is not None
            for line in exporter.stderr:
                if "Listening on" in line or "TLS is disabled" in line:
                    break
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
                text = answer.read().decode()
            exporter.terminate()
    families = {family.name: family for family in parse_old(text)}
    assert families["dockerproxy_turned_away"].type == "counter"
    assert families["dockerproxy_request_duration_seconds"].type == "histogram"
    [failed] = families["node_textfile_scrape_error"].samples
    assert failed.value == 0
