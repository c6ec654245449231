"""What other proxies log of requests is read, and nothing else of what they log."""

import json

from cli.programs import run
from folders import short_folder
from hypothesis import given
from hypothesis import strategies as st
from observe.records import SOCKET, load
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.workbench.learning import Learner
from dockerproxy.workbench.other_logs import read_other
from dockerproxy.workbench.reading import Records

TIMES = "0/0/0/1/1 200 2345 - - ---- 1/1/0/0/0 0/0"
DENIED = "0/-1/-1/-1/0 403 193 - - PR-- 1/1/0/0/0 0/0"
URL = {"Scheme": "", "Path": "/v1.45/containers/web/json", "RawPath": "", "RawQuery": "size=1"}
STAMP = 1_764_590_598

LINES = {
    f'172.18.0.3:40000 [01/Dec/2025:12:03:18.123] dockerfrontend dockerbackend/dockersocket {TIMES} "GET /v1.45/'
    'containers/json?filters={#22label#22:[#22a#22]} HTTP/1.1"': (
        *("GET", "/v1.45/containers/json?filters=%7B%22label%22:%5B%22a%22%5D%7D"),
        *(Outcome.ALLOWED, 200),
    ),
    f'::ffff:172.18.0.3:40000 [01/Dec/2025:12:03:18.123] proxy docker/socket {TIMES} "GET /events HTTP/1.1"': (
        *("GET", "/events"),
        *(Outcome.ALLOWED, 200),
    ),
    f'172.18.0.3:1 [01/Dec/2025:12:03:18.123] dockerfrontend dockerfrontend/<NOSRV> {DENIED} "POST /v1.45/containers/'
    'web/restart HTTP/1.1"': ("POST", "/v1.45/containers/web/restart", Outcome.DENIED, 403),
    f'172.18.0.3:1 [01/Dec/2025:12:03:18.123] proxy proxy/<NOSRV> {DENIED} "GET /containers/../info HTTP/1.1"': (
        *("GET", "/containers/../info"),
        *(Outcome.REFUSED, 400),
    ),
    'time=2025-12-01T12:03:18.000Z level=DEBUG msg="allowed request" method=GET URL=/v1.45/info client=172.18.0.3:1': (
        *("GET", "/v1.45/info"),
        *(Outcome.ALLOWED, 200),
    ),
    'time=2025-12-01T13:03:18.000+01:00 level=WARN msg="blocked request" reason="path not allowed" method=POST '
    'URL="/v1.45/containers/create?name=web" client=172.18.0.3:1 response=403': (
        *("POST", "/v1.45/containers/create?name=web"),
        *(Outcome.DENIED, 403),
    ),
    json.dumps(
        {"time": "2025-12-01T12:03:18Z", "level": "DEBUG", "msg": "allowed request", "method": "GET", "URL": URL}
    ): (
        *("GET", "/v1.45/containers/web/json?size=1"),
        *(Outcome.ALLOWED, 200),
    ),
}
"""Each line with the method, the target, and what became of the request."""

OTHERS = (
    "[NOTICE]   (1) : Initializing new worker (8)",
    '172.18.0.3:1 [01/Dec/2025:12:03:18.123] proxy proxy/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"',
    'time=2025-12-01T12:03:18.000Z level=INFO msg="starting socket-proxy" version=1.13.1',
    "INFO: 2025/12/01 12:03:18 serve on [::]:2375",
    "DEBUG: 2025/12/01 12:03:18 stream response",
    "DEBUG: 2025/12/01 12:03:18 allowed request: GET /v1.45/containers/json",
    f"WARNING: 2025/12/01 12:03:18 denied request: GET /x {'time=' * 20_000}",
    '{"time":"2025-12-01T12:03:18Z","level":"INFO","msg":"starting socket-proxy"}',
)


def read(line: str) -> list[tuple[Record, float]]:
    return list(Records([line], read_other))


@for_each(("line", "expected"), LINES.items())
def test_a_request_is_read_with_what_became_of_it(line: str, expected: tuple[str, str, Outcome, int]) -> None:
    for wrapped in (line, f"proxy-1  | {line}\n", json.dumps({"log": f"{line}\n", "stream": "stdout"})):
        ((record, when),) = read(wrapped)
        assert (record.method, record.target, record.decision, record.status) == expected
        assert (record.socket, int(when)) == ("docker", STAMP)
        assert bool(record.operation) is (record.decision is not Outcome.REFUSED)


@for_each("line", OTHERS)
def test_what_is_no_request_is_no_record(line: str) -> None:
    assert read(line) == []


@for_each("line", LINES)
def test_they_are_read_only_where_they_are_asked_for(line: str) -> None:
    reading = Records([line])
    assert list(reading) == []
    assert reading.unreadable == 1


def test_suggest_makes_a_policy_of_the_log_of_another_proxy() -> None:
    with short_folder() as folder:
        (folder / "proxy.log").write_text("".join(f"{line}\n" for line in (*LINES, *OTHERS)))
        done = run("suggest", str(folder / "proxy.log"))
    assert (done.status, done.err.endswith("ignored 8 lines with no valid record\n")) == (0, True)
    (socket,) = read_policy(done.out, "policy.yaml").sockets
    assert {name for name in OPERATIONS if socket.policy.allows(name)} == {
        *("ContainerList", "ContainerInspect", "ContainerRestart", "SystemEvents", "SystemInfo"),
        "ContainerCreate",
    }


@given(st.sampled_from([*LINES]), st.integers(0, 300), st.text(max_size=5))
def test_a_damaged_line_is_learned_from_or_left_out(line: str, at: int, text: str) -> None:
    learner = Learner(SOCKET)
    for record, when in read(line[:at] + text + line[at:]):
        learner.note(record, when)
    load(learner.text())
