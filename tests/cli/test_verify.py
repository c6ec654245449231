"""`verify` reports what a policy and an engine do not agree on, and its status says whether that needs action."""

import json
from pathlib import Path

from cli.files import policy_in
from cli.programs import Done, engine_at, run

POLICY = """\
sockets:
  web:
    path: FOLDER/web/docker.sock
    allow:
      - preset:ping
      - ContainerStop: {containers: [web]}
"""
SAID = b'{"Version": "26.1.5", "ApiVersion": "1.45", "Id": "1", "Name": "/other"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(SAID), SAID)


def verify(folder: Path, *words: str) -> Done:
    return run("verify", "--policy", f"{folder}/policy.yaml", *words, DOCKER_SOCKET_PATH=f"{folder}/engine.sock")


def test_what_was_found_is_listed_gravest_first() -> None:
    with policy_in(POLICY) as folder, engine_at(folder / "engine.sock", ANSWER):
        file, done, as_json = f"{folder}/policy.yaml", verify(folder), verify(folder, "--json")
    assert (done.status, done.err) == (1, "")
    first, *findings, last = done.out.splitlines()
    assert first == "engine   Docker 26.1.5, API 1.45, unknown confinement"
    assert findings[:3] == [
        f"error    socket web: {folder}/web: No such file or directory",
        "           create it before the proxy starts",
        f'warning  {file}:6: there is no container "web"',
    ]
    assert findings[-2:] == [
        "note     engine: the files of its host are not visible here, so binds were not checked",
        "           run verify on the host",
    ]
    assert last.startswith("1 error, ")
    assert as_json.status == 1
    found = json.loads(as_json.out)
    assert found["engine"] == first.removeprefix("engine   ")
    missing = next(each for each in found["findings"] if "container" in each["says"])
    assert missing == {
        "name": "socket web",
        "where": f"{file}:6",
        "rule": "not-as-here",
        "level": "warning",
        "says": 'there is no container "web"',
        "hint": "",
        "fails": True,
    }


def test_a_report_has_what_was_found_at_its_line() -> None:
    with policy_in(POLICY) as folder, engine_at(folder / "engine.sock", ANSWER):
        sarif, junit = (verify(folder, "--format", form) for form in ("sarif", "junit"))
        both = verify(folder, "--format", "sarif", "--json")
    assert (sarif.status, junit.status, both.status) == (1, 1, 2)
    results = json.loads(sarif.out)["runs"][0]["results"]
    found = [each for each in results if "there is no container" in each["message"]["text"]]
    assert [(each["level"], each["ruleId"]) for each in found] == [("warning", "not-as-here")]
    place = found[0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"][-12:], place["region"]["startLine"]) == ("/policy.yaml", 6)
    assert 'name="Docker 26.1.5, API 1.45' in junit.out
    assert junit.out.count("<failure") == sum(each["level"] != "note" for each in results)


def test_a_report_has_mistakes_too() -> None:
    with policy_in(POLICY) as folder:
        done = verify(folder, "--format", "sarif")
    assert done.status == 2
    assert [each["ruleId"] for each in json.loads(done.out)["runs"][0]["results"]] == ["mistake"]


def test_an_engine_that_does_not_answer_is_a_mistake() -> None:
    with policy_in(POLICY) as folder:
        done = verify(folder)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("engine: the engine's socket is not there")


def test_an_engine_that_answers_nonsense_is_found() -> None:
    with policy_in(POLICY) as folder, engine_at(folder / "engine.sock"):
        done = verify(folder)
    assert (done.status, done.err) == (1, "")
    assert "warning  engine: its API version is unknown\n" in done.out


def test_sockets_whose_clients_are_root_together_are_a_warning() -> None:
    text = """\
sockets:
  outer: {path: FOLDER/outer/docker.sock, allow: [ContainerCreate: {binds: [/srv/ci]}]}
  inner: {path: FOLDER/inner/docker.sock, allow: [ContainerCreate: {binds: ["/srv/ci/cache:ro"]}]}
"""
    with policy_in(text) as folder, engine_at(folder / "engine.sock", ANSWER):
        done = verify(folder)
        checked = run("check", "--policy", f"{folder}/policy.yaml", DOCKER_SOCKET_PATH=f"{folder}/engine.sock")
    says = 'socket inner: "/srv/ci/cache" lies below "/srv/ci", where clients of socket outer may write'
    assert done.status == 1
    assert f"warning  policy: {says}" in done.out
    assert f"warning: {folder}/policy.yaml: {says}" in checked.out
