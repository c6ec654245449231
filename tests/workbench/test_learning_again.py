"""Learning goes on after a restart, from the file that was written before."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from observe.records import ID, LISTS, NOON, is_doubtful, learn, load, record_of, resume, settled

from dockerproxy.config.environment import read_environment
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.policy.differences import describe
from dockerproxy.problems import UserError
from dockerproxy.wire.document import Json
from dockerproxy.workbench.learned import read_counts
from dockerproxy.workbench.learning import Learner

RECORD = Record("docker", Peer(0, 0, 1), "GET", "/info", "SystemInfo", "", Outcome.REPORTED, "", "", 200, 0, 0, 1.0)


@given(LISTS)
@example([record_of("DELETE /images/app", "\udcff")])
def test_a_restart_changes_nothing_in_what_was_learned(seen: list[Record]) -> None:
    text = learn(*seen)
    resumed = resume(text).text()
    assert describe(load(resumed)) == describe(load(text))
    assert read_counts(resumed) == read_counts(text)


@given(LISTS, LISTS)
@example([], [record_of("POST /images/app/tag", "docker.io/library/app:latest", status=201)])
@example([], [record_of("POST /session", status=101)])
@example(
    [record_of("POST /images/app/tag?repo=b", "docker.io/library/app:latest")],
    [record_of(f"POST /images/{ID}/tag?repo=b", ID)],
)
@example([record_of("POST /containers/create", status=201)], [record_of("GET /containers/web/archive?path=/x", "web")])
def test_what_was_seen_before_a_restart_is_allowed_after_it_too(before: list[Record], after: list[Record]) -> None:
    learner = resume(learn(*before))
    for record in after:
        learner.note(record, NOON)
    policy = load(learner.text())
    for record in (*before, *after):
        assert is_doubtful(record) or settled(policy, record).allowed, record


def test_what_was_learned_before_a_restart_is_told_from_what_came_later() -> None:
    names = [record_of("GET /containers/x/json", f"ci-{number}") for number in (1700, 1701, 1702)]
    learner = resume(
        learn(*names, record_of("GET /containers/a/logs", "a"), record_of("GET /containers/a/logs?follow=1", "a"))
    )
    learner.note(record_of("GET /containers/web/json", "web"), NOON + 60)
    learner.note(record_of("GET /containers/a/logs", "a"), NOON + 60)
    text = learner.text()
    assert 'containers: "ci-*" was learned before a restart' in text
    assert '- ContainerInspect: {containers: ["ci-*", web]}  # 4  2026-11-24 12:01:00' in text
    assert "follow: left out, since 2 of 3 requests came before a restart" in text


def test_a_condition_that_no_request_ever_had_is_not_explained_after_a_restart() -> None:
    create = record_of("POST /containers/create?name=a", body={"Image": "app"}, status=201)
    text = learn(record_of("POST /containers/web/restart", "web"), record_of("GET /containers/json"), create)
    assert "left out" not in text
    assert resume(resume(text).text()).text() == text


def test_what_no_file_of_ours_says_is_not_read_from_it() -> None:
    told = (
        "      - ContainerList  # 7  2026-11-24 12:00:00\n      - ContainerInspect  # 7  2026-99-24 12:00:00\n# 3  x\n"
    )
    assert read_counts(told) == {"ContainerList": (7, NOON)}


def test_an_id_is_no_pattern_after_a_restart() -> None:
    learner = resume(learn(record_of(f"POST /containers/{ID}/start", ID, status=404)))
    lines = learner.text().splitlines()
    assert f'          containers: ["{ID}"]' in lines


def test_what_reached_further_before_a_restart_does_so_after_it() -> None:
    delete = "DELETE /images/app:1"
    learner = resume(learn(record_of(f"{delete}?force=1", "docker.io/library/app:1")))
    learner.note(record_of(delete, "docker.io/library/app:1"), NOON)
    assert "- ImageDelete  # 2  " in learner.text()


def test_names_of_nothing_make_no_pattern_after_a_restart_either() -> None:
    learner = resume(learn(*(record_of(f"POST /containers/prod-{number}/stop", status=404) for number in (1, 2, 3))))
    assert "- ContainerStop: {containers: [prod-1, prod-2, prod-3]}" in learner.text()
    for number in (4, 5, 6):
        learner.note(record_of(f"POST /containers/prod-{number}/stop", f"prod-{number}", status=204), NOON)
    assert '- ContainerStop: {containers: ["prod-*"]}' in learner.text()


def test_what_a_person_demands_is_not_left_out_for_a_request_that_failed() -> None:
    body: Json = {"Image": "app", "HostConfig": {"Memory": 1 << 31}}
    create = record_of("POST /containers/create?name=a", body=body, status=201)
    text = learn(create).replace("          images:", "          memory: 1GiB\n          images:")
    text = text.replace("- ContainerCreate: {", "- ContainerCreate: {memory: 1GiB, ")
    learner = resume(text)
    learner.note(create._replace(status=409), NOON)
    assert 'memory: "1GiB"\n' in learner.text()
    learner.note(create, NOON)
    assert 'memory: "1GiB" became "2GiB"' in learner.text()


def new_learner() -> Learner:
    return Learner(read_environment({}).settings.sockets[0])


def test_what_an_earlier_run_learned_is_learned_again(tmp_path: Path) -> None:
    first, second, file = new_learner(), new_learner(), tmp_path / "docker.learned.yaml"
    first.note(RECORD, 0)
    file.write_text(first.text())
    second.resume_from(str(file))
    assert second.text() == first.text()


@pytest.mark.parametrize("text", ["sockets: [", "sockets: {a: {path: /a, allow: []}, b: {path: /b, allow: []}}"])
def test_another_file_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(text)
    with pytest.raises(UserError, match=r"other\.yaml"):
        new_learner().resume_from(str(tmp_path / "other.yaml"))


def test_serving_loads_nothing_that_learns_as_long_as_no_socket_does() -> None:
    program = "import sys, dockerproxy.cli.serve; print('dockerproxy.workbench.learning' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded == "False\n"
