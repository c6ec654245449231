"""Lines that nobody needed are found as if each request were judged, and most need not be."""

from hypothesis import given
from hypothesis import strategies as st
from observe.records import NOON, record_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.workbench.edits import read_lines
from dockerproxy.workbench.unneeded import Unneeded
from dockerproxy.workbench.usage import Needed

POLICY = """\
sockets:
  web:
    path: /proxied/web.sock
    allow:
      - containers:read
      - ContainerList
      - ContainerStart: {containers: [web, db]}
      - ContainerStart: {containers: [web]}
      - ContainerStop
      - ContainerRestart: {containers: [web]}
      - preset:traefik
      - ImageList
"""
MOST = 1 << 20
LINES = (
    *("GET /containers/json", "GET /containers/web/json", "GET /images/json", "GET /info", "GET /version"),
    *(f"POST /containers/{name}/{verb}" for name in ("web", "db") for verb in ("start", "stop", "restart", "kill")),
)
RECORDS = st.lists(
    st.builds(
        lambda line, outcome: record_of(line, line.split("/")[2] if "POST" in line else "", decision=outcome),
        st.sampled_from(LINES),
        st.sampled_from((Outcome.ALLOWED, Outcome.DENIED)),
    ),
    min_size=1,
)
(SOCKET,) = read_policy(POLICY, "policy.yaml").sockets
OF_ALLOW = read_lines(POLICY, "policy.yaml")["web"]


@given(RECORDS)
def test_it_says_the_same_as_if_each_request_were_judged(records: list[Record]) -> None:
    quick, whole = Unneeded(SOCKET, OF_ALLOW, MOST), Needed(SOCKET, OF_ALLOW, MOST)
    for record in records:
        quick.note(record, NOON)
        whole.judge(record, NOON)
    assert list(quick.find()) == list(whole.find_unused())


def test_of_nothing_and_of_too_much_nothing_is_said() -> None:
    quick = Unneeded(SOCKET, OF_ALLOW, 1)
    assert (quick.is_empty, list(quick.find())) == (True, [])
    quick.note(record_of("POST /containers/web/start", "web"), NOON)
    assert (quick.is_empty, quick.left_out, list(quick.find())) == (False, 1, [])
