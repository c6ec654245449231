"""A restriction that a request broke is explained, and `suggest` says what would loosen it."""

import re

import pytest
from cli.files import policy_in
from cli.programs import run_here
from cli.test_suggest import missing, suggest, write_log
from observe.records import ID, NOON, record_of

from dockerproxy.cli.suggest import Missing
from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.wire.document import Json


@pytest.mark.parametrize(
    ("granted", "host", "expected"),
    [
        (
            "memory: 1GiB, pids: 50",
            {"Memory": 1 << 31, "PidsLimit": 40},
            [
                '# memory: "1GiB" became "2GiB", since every request did not keep to it',
                '- ContainerCreate: {memory: "2GiB", pids: "50"}',
            ],
        ),
        (
            "read_only: required, memory: 1GiB",
            {"Memory": 1 << 29},
            [
                "# read_only: required left out, since every request did not keep to it",
                '- ContainerCreate: {memory: "1GiB"}',
            ],
        ),
        (
            "labels: {team: ci, who: me}",
            {},
            [
                "# labels: {team: ci, who: me} became {who: me}, since every request did not keep to it",
                "- ContainerCreate: {labels: {who: me}}",
            ],
        ),
        (
            "drop_capabilities: [NET_RAW, MKNOD]",
            {"CapAdd": ["NET_RAW"]},
            [
                "# drop_capabilities: [NET_RAW, MKNOD] became [MKNOD], since every request did not keep to it",
                "# with this line, a client can take addresses and traffic of others on the networks that it joins",
                "- ContainerCreate:",
                "drop_capabilities: [MKNOD]",
                "add_capabilities: [NET_RAW]",
            ],
        ),
        (
            "user: not-root",
            {},
            [
                "# user: not-root became any, since every request did not keep to it",
                "- ContainerCreate: {user: any}",
            ],
        ),
    ],
)
def test_a_restriction_that_a_request_did_not_keep_to_is_explained_and_loosened_and_it_is_said_what_that_exposes(
    granted: str, host: dict[str, Json], expected: list[str]
) -> None:
    policy = f"sockets: {{backup: {{path: FOLDER/backup.sock, allow: [ContainerCreate: {{{granted}}}]}}}}\n"
    body: Json = {"Image": "app:1", "User": "0", "Labels": {"team": "x"}, "HostConfig": host}
    record = record_of("POST /containers/create", body=body, status=403, decision=Outcome.DENIED)
    with policy_in(policy) as folder:
        lines = missing(folder, record._replace(id="4KD7Q-2F"))
        words = ("--policy", f"{folder}/policy.yaml", "--decision", "4KD7Q-2F", "--log", f"{folder}/proxy.log")
        explained = run_here("explain", *words)
    assert "decision   not allowed\n" in explained.out
    assert f"no   {granted.partition(':')[0]} " in explained.out
    assert lines[:2] == [
        "# Add to `allow` of socket backup in FOLDER/policy.yaml:",
        "# replaces the existing line: a socket has one for each create",
    ]
    assert [line for line in lines[2:] if line != "# 1 of 1 was denied when it came"] == expected


def test_a_copy_that_was_denied_as_its_container_had_run_gets_a_line_and_is_explained() -> None:
    policy = "sockets: {backup: {path: FOLDER/backup.sock, allow: [own]}}\n"
    copied = record_of("GET /containers/web/archive?path=/data", "web", status=403, decision=Outcome.DENIED)
    copied = copied._replace(body={"running": True}, socket="backup", id="4KD7Q-2F")
    with policy_in(policy) as folder:
        assert missing(folder, copied)[-1] == "- ContainerArchive: {containers: [web], path: [/data], running: true}"
        log = f"{folder}/proxy.log"
        explained = run_here("explain", "--policy", f"{folder}/policy.yaml", "--decision", "4KD7Q-2F", "--log", log)
    assert "decision   not allowed" in explained.out
    assert "running: true" in explained.out


def test_unused_operations_of_a_preset_are_counted_and_podmans_not_listed() -> None:
    text = "sockets: {backup: {path: FOLDER/backup.sock, allow: [preset:testcontainers, 'libpod/info:read']}}"
    seen = record_of("GET /containers/json", decision=Outcome.ALLOWED)._replace(socket="backup")
    with policy_in(text) as folder:
        out = suggest(write_log(folder / "proxy.log", seen), "--policy", f"{folder}/policy.yaml")
        text = (folder / "policy.yaml").read_text().replace(", 'libpod/info:read'", "")
        (folder / "policy.yaml").write_text(text)
        of_docker = suggest(write_log(folder / "proxy.log", seen), "--policy", f"{folder}/policy.yaml")
    counts = [re.search(r"# 1  preset:testcontainers: (\d+) of (\d+) operations\n", each) for each in (out, of_docker)]
    (unused, granted), (fewer, _) = ((int(found[1]), int(found[2])) for found in counts if found)
    assert fewer < unused == granted - 1
    assert "# 1  libpod/info:read\n" in out


OWN = "sockets: {backup: {path: /b.sock, allow: [own, ContainerCreate: {images: [app]}]}}\n"


def denied(line: str, named: str) -> Record:
    record = record_of(line, named, decision=Outcome.REPORTED)
    return record._replace(reason=f"{record.operation} denied: only allowed if it was created through this socket; x")


def test_an_object_of_others_is_suggested_by_its_name_beside_own() -> None:
    created = record_of("POST /containers/create?name=web", body={"Image": "app", "HostConfig": {"Binds": ["/x:/x"]}})
    records = (
        denied("DELETE /volumes/data", "data"),
        created._replace(created=ID, status=201, decision=Outcome.REPORTED),
        denied(f"POST /containers/{ID}/start", "web"),
        denied("POST /containers/other/start", "other"),
        record_of("GET /networks/mine", "mine", decision=Outcome.ALLOWED),
    )
    whole = Missing(read_policy(OWN, "policy.yaml").sockets[0])
    assert [whole.note(record, NOON) for record in records] == [False, False, True, False, False]
    with policy_in(OWN) as folder:
        lines = [line for line in missing(folder, *records) if line.startswith("- ")]
    assert lines == [
        "- ContainerCreate: {images: [app], binds: [/x]}",
        "- ContainerStart: {containers: [other]}",
        "- VolumeDelete: {volumes: [data], force: false}",
    ]
