"""A decision is found again in a log by its ID, and all of it is shown."""

import json

import pytest
from cli.files import policy_in, write
from cli.programs import Done, ask, engine_at, run, run_here, serving
from decisions import split_decision
from folders import short_folder
from workbench.test_reading import RECORD
from workbench.test_reading import write as write_log

from dockerproxy.observe.record import Outcome, Record
from dockerproxy.problems import UserError
from dockerproxy.process_settings import LogFormat

ID = "4KD7Q-2F"
RESTARTED = RECORD._replace(
    socket="backup",
    method="POST",
    target=f"/v1.45/containers/{'3f9a2b77c01d' * 5}4e5f/restart",
    operation="ContainerRestart",
    object="db-1",
    source="ContainerRestart (policy.yaml:12)",
    id=ID,
)


def explain(
    *records: Record, words: tuple[str, ...] = (ID,), style: LogFormat = LogFormat.TEXT, begin: bool = False
) -> Done:
    with policy_in() as folder:
        log = write(folder / "log", "".join(write_log(*records, style=style, begin=begin)))
        return run_here("explain", "--policy", f"{folder}/policy.yaml", "--decision", *words, "--log", log)


@pytest.mark.parametrize("style", LogFormat)
def test_all_of_the_record_is_shown_and_the_request_explained_by_the_object_of_then(style: LogFormat) -> None:
    done = explain(RECORD, RESTARTED, RECORD._replace(id="4KD7Q-2G", reason=ID), words=("4kd7q 2f",), style=style)
    record, _, explained = done.out.partition("\n\n")
    said = {line[:10].rstrip(): line[11:] for line in record.splitlines()}
    assert said.pop("time").endswith("Z")
    assert said == {
        "id": ID,
        "socket": "backup",
        "client": "uid 1000, gid 999, pid 42",
        "request": f"POST {RESTARTED.target}",
        "operation": "ContainerRestart",
        "object": "db-1",
        "outcome": "allowed",
        "source": RESTARTED.source,
        "status": "200",
        "bytes": "0 received, 1234 sent",
        "duration": "1.5 ms",
    }
    assert "decision   allowed\n" in explained
    assert "yes  the container is db-*" in explained
    assert "taken for its name" not in explained
    assert done.status == 0


def test_of_what_lasted_the_end_is_shown_and_when_it_began() -> None:
    done = explain(RESTARTED._replace(sent=99), begin=True)
    assert ", started 2" in done.out
    assert "99 sent" in done.out


def test_what_a_body_needed_is_shown() -> None:
    done = explain(RESTARTED._replace(body={"binds": ("/srv",)}, created="x1"))
    assert 'body       {"binds": ["/srv"]}\ncreated    x1\n' in done.out


@pytest.mark.parametrize(
    ("records", "words", "said"),
    [
        ((RESTARTED,), ("4KD7Q",), "invalid decision ID '4KD7Q'"),
        ((RESTARTED,), ("4KD7Q-2G",), "no decision 4KD7Q-2G"),
        ((RECORD._replace(id="4KD7Q-2G", reason=ID),), (ID,), f"no decision {ID}"),
        ((RESTARTED, RECORD._replace(id=ID)), (ID,), f"several requests have the ID {ID}"),
        ((RESTARTED,), (ID, "--socket", "other"), "'other' is not a socket of the policy"),
    ],
)
def test_what_cannot_be_found_is_said(records: tuple[Record, ...], words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError) as caught:
        explain(*records, words=words)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "words", [(), ("GET",), ("--decision", ID), ("--log", "x"), ("GET", "/_ping", "--decision", ID, "--log", "x")]
)
def test_it_is_told_one_thing_to_explain(words: tuple[str, ...]) -> None:
    with pytest.raises(UserError) as caught:
        run_here("explain", *words)
    assert "METHOD TARGET, or --decision ID --log FILE" in str(caught.value)


def test_the_id_that_a_client_is_told_is_the_one_in_the_log() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        with serving(folder, CONTAINERS="1") as proxy:
            status, message = ask(f"{folder}/docker.sock", "POST", "/containers/web/kill")
            message, decision = split_decision(message)
            proxy.wait_for(f"id={decision}: ")
        log = write(folder / "log", proxy.printed)
        done = run_here("explain", "--decision", decision, "--log", log, CONTAINERS="1")
    assert (status, done.status) == (403, 1)
    assert f"id         {decision}\n" in done.out
    assert f"outcome    denied\nreason     {message}\nstatus     403\n" in done.out
    assert f"message    {message}\n" in done.out


def test_a_log_that_was_written_by_somebody_else_moves_no_cursor() -> None:
    (line, _) = write_log(RESTARTED)
    hostile = json.dumps(json.loads(line) | {"source": "\x1b[2J", "decision": Outcome.ALLOWED.value})
    with policy_in() as folder:
        log = write(folder / "log", hostile)
        done = run("explain", "--policy", f"{folder}/policy.yaml", "--decision", ID, "--log", log)
    assert "source     \\x1b[2J\n" in done.out
