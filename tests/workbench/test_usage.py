"""What recorded requests needed of a policy is told apart from what they perhaps needed."""

import pytest
from observe.records import ID, NOON, record_of, refused

from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import MAX_TARGET, Outcome, Record
from dockerproxy.workbench.edits import read_lines
from dockerproxy.workbench.usage import Usage, read_asked

WEB = "ContainerRestart: {containers: [web]}"


def allowed(line: str, named: str = "", **more: object) -> Record:
    return record_of(line, named, decision=Outcome.ALLOWED)._replace(**more)  # type: ignore[arg-type]


def usage_of(*grants: str, records: tuple[Record, ...]) -> Usage:
    lines = "".join(f"      - {grant}\n" for grant in grants)
    text = f"sockets:\n  web:\n    path: /x/web.sock\n    allow:\n{lines}"
    (socket,) = read_policy(text, "p.yaml").sockets
    usage = Usage(socket, read_lines(text, "p.yaml")["web"])
    for record in records:
        usage.note(record, NOON)
    return usage


def changes(*grants: str, records: tuple[Record, ...]) -> dict[int, str]:
    """Return what could be said of lines, by their number."""
    usage = usage_of(*grants, records=records)
    return {change.line.place.line - 4: change.says for change in usage.find_changes()}


RESTART = allowed("POST /containers/web/restart", "web")
LOGS = allowed("GET /containers/a/logs?follow=0", "a")
LIST = allowed("GET /containers/json")


def test_what_no_request_needed_is_not_used() -> None:
    assert changes(WEB, "ContainerStart", records=(RESTART,)) == {2: "not used"}


@pytest.mark.parametrize(
    ("grant", "records", "says"),
    [
        ('ContainerRestart: {containers: ["w*"]}', (RESTART,), "containers: [web] is enough"),
        ("ContainerRestart: {containers: [web, db]}", (RESTART,), "containers: [web] is enough"),
        ("ContainerRestart", (RESTART,), "containers: [web] is enough"),
        ("containers:read", (LIST,), "1 of 11 operations used"),
        ("ContainerCreate: unrestricted", (allowed("POST /containers/create"),), "need not be unrestricted; "),
    ],
)
def test_what_is_wider_than_what_was_used_is_said(grant: str, records: tuple[Record, ...], says: str) -> None:
    found = changes(grant, records=records)
    assert found
    assert found[1].startswith(says)


@pytest.mark.parametrize(
    "record",
    [
        allowed(f"POST /containers/{ID}/restart"),
        allowed("POST /containers/4f5e/restart"),
        allowed(
            f"POST /containers/web/restart?x={'x' * MAX_TARGET}", target=f"/containers/web/restart?x={'x' * MAX_TARGET}"
        ),
    ],
)
def test_what_a_record_does_not_tell_stays(record: Record) -> None:
    assert changes("ContainerRestart", records=(record, RESTART)) == {}
    assert changes(WEB, 'ContainerRestart: {containers: ["w*"]}', records=(record,)) == {}


def test_bodies_that_were_not_recorded_stay_and_are_said() -> None:
    create = allowed("POST /containers/create?name=a", body=None)
    usage = usage_of("ContainerCreate: {binds: [/srv]}", records=(create, create))
    assert [change.says for change in usage.find_changes()] == ["buildx_builders: none is enough"]
    ((line, says),) = usage.find_doubts()
    assert line.word == "ContainerCreate"
    assert says == "ContainerCreate: conditions on bodies stay, since 2 came without a recorded body"


def test_each_line_of_a_list_is_needed() -> None:
    assert changes("ContainerList: {containers: [web]}", "ContainerList: {own: true}", records=(LIST,)) == {}


def test_whose_an_object_was_is_never_known() -> None:
    stop = allowed("POST /containers/x/stop", "x")
    assert changes("ContainerStop: {containers: [x]}", "ContainerStop: {own: true}", records=(stop,)) == {2: "not used"}
    assert changes('ContainerStop: {labelled: {a: "1"}}', "ContainerStop: {own: true}", records=(stop,)) == {
        1: "containers: [x] is enough"
    }


def test_what_bounds_what_is_own_stays() -> None:
    grants = ("own", "ContainerCreate: {memory: 1GiB}", "VolumeCreate: {names: [a]}", "ContainerStart")
    assert changes(*grants, records=(allowed("POST /containers/x/stop", "x"),)) == {4: "not used"}


def test_one_of_two_lines_that_surely_allow_a_request_is_enough() -> None:
    found = changes(
        'containers:read: {containers: ["a*"]}', 'ContainerLogs: {containers: ["*"], follow: false}', records=(LOGS,)
    )
    assert found == {1: "not used", 2: "containers: [a] is enough"}


def test_what_was_not_allowed_needs_nothing() -> None:
    denied = record_of("POST /containers/create", decision=Outcome.DENIED, status=403)._replace(body=None)
    assert changes("ContainerCreate", "ContainerRestart", records=(denied, RESTART)) == {
        1: "not used",
        2: "containers: [web] is enough",
    }
    assert read_asked(refused("GET /../x", "ambiguous")) is None
    assert read_asked(allowed("GET /debug/vars")) is None


def test_a_preset_stays_whole_and_what_was_not_used_of_it_is_said() -> None:
    usage = usage_of("preset:ping", records=(allowed("GET /_ping"),))
    assert list(usage.find_changes()) == []
    assert [says for _, says in usage.find_doubts()] == ["not used of it: SystemPingHead, SystemVersion"]


def test_nothing_is_proposed_of_a_log_that_is_too_large() -> None:
    usage = usage_of("ContainerStart", records=(RESTART,))
    usage.kinds._room = 0
    usage.note(LIST, NOON)
    assert list(usage.find_changes()) == []


def test_nothing_is_proposed_of_a_socket_without_records() -> None:
    assert changes("ContainerStart", records=()) == {}


@pytest.mark.parametrize(
    ("grant", "line", "named"),
    [
        ("ImageInspect: {images: [nginx]}", "GET /images/nginx:1.27/json", "docker.io/library/nginx:1.27"),
        ("ImageInspect: {images: [app, nginx]}", f"GET /images/{ID}/json", "docker.io/library/nginx:1.27"),
        (f"ContainerStop: {{containers: [{ID}]}}", "POST /containers/web/stop", "web"),
        ("ConfigInspect: {configs: [kf7gt99mjnffxzgwv17lhx50b]}", "GET /configs/web", "web"),
    ],
)
def test_what_may_be_listed_by_another_name_stays(grant: str, line: str, named: str) -> None:
    assert changes(grant, "ContainerStart", records=(allowed(line, named),)) == {2: "not used"}
    denied = record_of(line, named, decision=Outcome.DENIED, status=403)
    assert changes(grant, "ContainerStart", records=(denied,)) == {1: "not used", 2: "not used"}


def test_a_network_of_any_name_may_be_the_engines_own() -> None:
    seen = allowed("POST /libpod/pods/create", body={"networks": ("podman",), "names": ()})
    assert changes("PodCreateLibpod", "ContainerStart", records=(seen,)) == {2: "not used"}


def test_what_a_body_names_may_be_the_clients_own() -> None:
    seen = allowed("POST /networks/front/connect", "front", body={"networks": ("front",), "containers": ("web",)})
    assert changes("NetworkConnect: {own: true}", "ContainerStart", records=(seen,)) == {2: "not used"}
    other = allowed("POST /networks/front/connect", "front", body={"networks": ("front",)})._replace(
        decision=Outcome.DENIED
    )
    assert changes("NetworkConnect", "ContainerStart", records=(other,)) == {1: "not used", 2: "not used"}
