"""The page of metrics, the dashboard and the alerts name what is measured, and all of it.

    python tests/test_metrics_page.py

writes the tables of the page.
"""

import asyncio
import json
import re
import textwrap
from pathlib import Path

import yaml
from parts import fill_in, write_code, write_table
from proxy.harness import in_loop, world

from dockerproxy.observe.exposition import Kind
from dockerproxy.observe.metrics import CUT, ENGINE_ERRORS, OTHER, TURNED_AWAY

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "metrics.md"
DASHBOARD = json.loads((ROOT / "examples" / "metrics" / "dashboard.json").read_text())
ALERTS = yaml.safe_load((ROOT / "examples" / "metrics" / "alerts.yaml").read_text())
_NAMES = re.compile(r"dockerproxy_[a-z_]+")
_LABELS = re.compile(r"([a-z]+)(?:=~|!=|!~|=)\"")


async def measured() -> dict[str, set[str]]:
    """Return the names of all samples, and the labels that each may have."""
    found: dict[str, set[str]] = {}
    async with world() as here:
        for family in here.server._exporter._collect():
            end = "_total" if family.kind is Kind.COUNTER else ""
            labels = {label for _, labels, _ in family.samples for label in labels}
            found[family.name + end] = labels
            if family.kind is Kind.HISTOGRAM:
                found[f"{family.name}_bucket"] = labels
    return found


async def render_page() -> str:
    """Return the page with its table as it should be."""
    async with world() as here:
        families = [*here.server._exporter._collect()]
    ends = {Kind.COUNTER: "_total"}
    rows = ((f"`{each.name}{ends.get(each.kind, '')}`", each.kind, each.says) for each in families)
    reasons = {"turned away": (*TURNED_AWAY.values(), OTHER), "engine errors": (*ENGINE_ERRORS.values(), CUT)}
    lines = (f"- `reason`, {of}: {write_code(values)}" for of, values in reasons.items())
    labels = "\n".join(textwrap.fill(line, 118, subsequent_indent="  ") for line in lines)
    return fill_in(PAGE, {"metrics": write_table("metric | type | is", rows), "reasons": f"\n{labels}\n\n"})


@in_loop
async def test_the_page_has_every_metric_and_names_no_other() -> None:
    assert PAGE.read_text() == await render_page(), "write it anew: python tests/test_metrics_page.py"
    assert set(_NAMES.findall(PAGE.read_text())) == {name for name in await measured() if not name.endswith("_bucket")}


@in_loop
async def test_dashboard_and_alerts_ask_for_what_is_measured() -> None:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    rules = [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]]
    known = await measured()
    for expression in (*panels, *rules):
        names = set(_NAMES.findall(expression))
        assert names <= set(known), expression
        assert names or "node_textfile_mtime_seconds" in expression
        assert expression.count("(") == expression.count(")")
        assert set(_LABELS.findall(expression)) <= {"socket", "decision", "shape", "mode", "file", "reason", "answer"}
    shown = {name for each in panels for name in _NAMES.findall(each)}
    assert set(known) - shown <= {
        "dockerproxy_build_info",
        "dockerproxy_process_start_time_seconds",
        "dockerproxy_request_duration_seconds",
    }


def test_the_dashboard_can_be_imported() -> None:
    assert {"title", "uid", "schemaVersion", "panels", "templating"} <= DASHBOARD.keys()
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    variables = {each["name"] for each in DASHBOARD["templating"]["list"]}
    for panel in DASHBOARD["panels"]:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for target in panel["targets"]:
            used = set(re.findall(r"\$([a-z]\w*)", target["expr"]))
            assert used <= variables


def test_every_alert_says_how_grave_it_is_and_what_it_means() -> None:
    for rule in (rule for group in ALERTS["groups"] for rule in group["rules"]):
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"].endswith(".")
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}


if __name__ == "__main__":
    PAGE.write_text(asyncio.run(render_page()))
