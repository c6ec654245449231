"""Prometheus itself reads the metrics over their socket as docs/metrics.md says, and has no fault to find with them."""

import json
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from test_exporter import exporting, wait_for_file
from waiting import PATIENCE, wait_until

from dockerproxy.cli.request import ask

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / ".collectors" / "usr" / "bin"
ALERTS = ROOT / "examples" / "metrics" / "alerts.yaml"
CONFIGURATION = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{alerts}]
scrape_configs: [{{job_name: dockerproxy, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""


def find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def check(what: str, text: str = "", *words: str) -> None:
    done = subprocess.run(
        [PROGRAMS / "promtool", "check", what, *words], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


def test_promtool_finds_no_fault_with_alerts_and_metrics() -> None:
    check("rules", "", str(ALERTS))
    with exporting() as (folder, _):
        ask(f"{folder}/docker.sock", "GET", "/info")
        check("metrics", wait_for_file(folder / "d.prom"))


def test_prometheus_scrapes_the_socket_through_a_relay_and_alerts(tmp_path: Path) -> None:
    relayed, port = find_port(), find_port()
    (tmp_path / "prometheus.yml").write_text(CONFIGURATION.format(alerts=ALERTS, port=relayed))
    prometheus = (
        PROGRAMS / "prometheus",
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    )

    def fetch(path: str) -> list[dict[str, dict[str, str]]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=PATIENCE) as answer:
                data = json.load(answer)["data"]
        except OSError:
            return []
        found: list[dict[str, dict[str, str]]] = data.get("result") or data.get("alerts") or []
        return found

    def is_measured() -> bool:
        """Whether a denial was seen; another one comes each time, since an alert is about what has grown."""
        assert ask(f"{folder}/docker.sock", "GET", "/info")[0] == 403
        query = urllib.parse.quote('dockerproxy_requests_total{operation="SystemInfo",decision="denied"} > 0')
        return bool(fetch(f"query?query={query}"))

    def alerts() -> bool:
        return is_measured() and "DockerproxyDenies" in {each["labels"]["alertname"] for each in fetch("alerts")}

    with exporting() as (folder, _):
        relay = ("socat", f"TCP-LISTEN:{relayed},bind=127.0.0.1,fork,reuseaddr", f"UNIX-CONNECT:{folder}/m.sock")
        with subprocess.Popen(relay) as relaying, subprocess.Popen(prometheus) as measuring:
            try:
                wait_until(is_measured, "Prometheus knows what was denied")
                wait_until(alerts, "Prometheus alerts")
            finally:
                measuring.terminate()
                relaying.terminate()
