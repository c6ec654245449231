"""What somebody asks for only to have it learned opens nothing."""

import pytest
from observe.records import (
    learn,
    lines_of,
    record_of,
)
from rows import for_each

from dockerproxy.observe.record import Outcome, Record


def absent(line: str, name: str = "", decision: Outcome = Outcome.REPORTED, status: int = 404) -> Record:
    return record_of(line, name, status=status, decision=decision)


REFUSALS = [
    *((Outcome.REPORTED, status) for status in (0, 400, 404, 502)),
    *((Outcome.DENIED, status) for status in (403, 404)),
]


@pytest.mark.parametrize(("decision", "status"), REFUSALS)
def test_what_is_not_there_or_was_refused_makes_no_pattern(decision: Outcome, status: int) -> None:
    names = [f"ci-{number}" for number in (1, 2, 3, 4)]
    lines = lines_of(*(absent(f"GET /containers/{name}/json", name, decision, status) for name in names))
    assert "- ContainerInspect: {containers: [ci-1, ci-2, ci-3, ci-4]}" in lines
    assert not any("*" in line for line in lines)


@for_each(("decision", "status"), REFUSALS)
@for_each("line", ["GET /containers/x/json", "GET /containers/web/archive?path=/{}"])
@for_each("signs", ["***", "**", "???", "?*"])
def test_stars_and_lookup_marks_of_a_client_are_never_learned(
    decision: Outcome, status: int, line: str, signs: str
) -> None:
    seen = [line.format(f"{signs}{number}".replace("?", "%3F")) for number in (1, 2, 3)]
    text = learn(*(absent(each, "web" if "archive" in each else f"{signs}1", decision, status) for each in seen))
    assert "allow: []" in text
    assert "would be a pattern" in text


@pytest.mark.parametrize(("decision", "status"), REFUSALS)
def test_what_was_refused_leaves_out_no_condition(decision: Outcome, status: int) -> None:
    web = record_of("GET /containers/web/archive?path=/data", "web")
    poison = [f"~{number}" for number in range(3)] + ["x" * 301] + [f"name{number}" for number in range(150)]
    lines = lines_of(
        *[web] * 2,
        *(absent(f"GET /containers/{name}/archive?path=/data", name, decision, status) for name in poison),
        absent("GET /containers/web/archive?path=..", "web", decision, status),
    )
    (grant,) = [line for line in lines if line.startswith("- ContainerArchive")]
    assert grant == "- ContainerArchive:"
    assert "path: [/data]" in lines
    assert "- web" in lines
    assert sum(line.startswith("- name") for line in lines) == 20
    assert "# containers: others are not listed, because they do not exist or were denied" in lines


def test_what_was_refused_opens_nothing() -> None:
    denied = absent("POST /swarm/init", decision=Outcome.DENIED, status=403)
    text = learn(denied, absent("DELETE /networks/web?force=1", "web"))
    assert "allow: []" in text
    assert "POST /swarm/init: refused, and not learned from: it can hand the host to another swarm" in text


def test_what_was_refused_takes_nothing_from_what_others_kept_to() -> None:
    lines = lines_of(
        record_of("GET /containers/web/logs", "web"),
        absent("GET /containers/web/logs?follow=1", "web", Outcome.DENIED, 403),
    )
    assert "- ContainerLogs: {containers: [web], follow: false}" in lines
