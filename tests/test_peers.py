r"""Requests that other projects publish with their verdicts, judged by ours.

`corpus/peers` has a file for each project, with facts in our own form. Its head has the source, the version and the day
it was read. A section has a policy of `policies.yaml`, or environment variables, and rows: their verdict, ours, and a
request. The line below a row gives the reason where the two differ.

    == denied creates, tests/test_policy_create.py
    policy   magpie
    request  POST /v1.45/containers/create {"HostConfig": {…}}

    deny   deny    "Privileged": true
    deny   allow   "ContainerIDFile": "/etc/x"
      because the proxy leaves it out

A row fills the gap in the request of its section, or is the whole request. With `sent`, requests go over a socket:
`raw` is bytes with escapes like `\r\n`, `chunked` a body in one chunk, `padded` a body before 2 MiB of blanks. There,
`allow` means that the engine gets exactly one request.

Our verdicts are `allow`, `deny` for 403 and 404, and `refuse` for other answers and none.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from policy.judging import finish
from policy.policies import policy_of
from policy.stamping import MINE, THEIRS, described
from proxy.harness import OK, Wire, World, in_loop, world
from proxy.oracle import read_requests

from dockerproxy.config.policy_file import read_policy
from dockerproxy.errors import Refusal
from dockerproxy.owner_labels import OWNER
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.judge import judge
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject

CORPUS: Final = Path(__file__).parent / "corpus" / "peers"
POLICIES: Final = {
    socket.name: socket.policy
    for socket in read_policy((CORPUS / "policies.yaml").read_text(), "policies.yaml").sockets
}
FILES: Final = sorted(CORPUS.glob("*.txt"))
WAYS: Final = ("", "raw", "chunked", "padded")
HEAD: Final = ("peer", "link", "version", "read", "licence")
GAP: Final = "…"
PADDING: Final = 2 * 1024 * 1024
BECAUSE: Final = "  because "


@dataclass
class Row:
    """One case.

    Attributes:
        line: Its number in the file.
        theirs: Their verdict.
        ours: Our verdict.
        text: The request, or the part that fills the gap.
        because: The reason for another verdict; empty if there is none.
    """

    line: int
    theirs: str
    ours: str
    text: str
    because: str = ""


@dataclass
class Section:
    """Cases that the same policy judges.

    Attributes:
        title: Their subject and source.
        keys: The lines before the rows.
        rows: The cases.
    """

    title: str
    keys: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    @property
    def policy(self) -> CompiledPolicy:
        """The policy that judges them."""
        if "policy" in self.keys:
            return POLICIES[self.keys["policy"]]
        return policy_of(**dict(word.split("=", 1) for word in self.keys["with"].split()))

    def write(self, row: Row) -> tuple[str, str, bytes]:
        """Return the method, the target and the body of a row."""
        text = self.keys.get("request", GAP).replace(GAP, row.text)
        method, target, *body = text.split(maxsplit=2)
        return method, target, "".join(body).encode()


def read_head(file: Path) -> dict[str, str]:
    """Return the keys and values in the head of a file."""
    head = file.read_text().partition("\n#\n")[0]
    return dict(line.removeprefix("# ").split(maxsplit=1) for line in head.splitlines())


def read_sections(file: Path) -> list[Section]:
    """Return the cases of a file."""
    sections: list[Section] = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if line.startswith("== "):
            sections.append(Section(line.removeprefix("== ")))
        elif line.startswith(BECAUSE):
            sections[-1].rows[-1].because += line.removeprefix(BECAUSE)
        elif re.match("(allow|deny) ", line):
            theirs, ours, text = line.split(maxsplit=2)
            sections[-1].rows.append(Row(number, theirs, ours, text))
        elif line and not line.startswith("#"):
            key, value = line.split(maxsplit=1)
            assert not sections[-1].rows, f"{file.name}:{number}"
            sections[-1].keys[key] = value
    return sections


def find_all(*ways: str) -> Iterator[tuple[Path, Section]]:
    """Return all sections whose requests come in one of these ways."""
    for file in FILES:
        for section in read_sections(file):
            if section.keys.get("sent", "") in ways:
                yield file, section


def find(lookup: Lookup, owner: str) -> ResolvedObject | None:
    """Answer a lookup: `my…` belongs to the owner, `their…` to another, `new…` is missing; all else is unowned.

    A container runs, unless its name has `fresh` in it.
    """
    name = lookup.name.rpartition("/")[2]
    if name.startswith("new"):
        return None
    identity = sha256(name.encode()).hexdigest()
    if lookup.kind is Kind.EXEC:
        content: dict[str, Any] = {"ID": name, "ContainerID": name}
    elif lookup.kind is Kind.IMAGE or lookup.of is not None:
        content = {"Id": f"sha256:{identity}", "RepoTags": [lookup.name], "Config": {"Labels": {}}}
    else:
        labels = {"my": {**MINE, OWNER: owner}, "th": THEIRS}.get(name[:2], {})
        state = {"Status": "created" if "fresh" in name else "running"}
        content = {**described(lookup.kind, name, labels), "Id": identity, "State": state, "Mounts": []}
    found = read_object(lookup, json.dumps(content).encode(), "")
    return find(found, owner) if isinstance(found, Lookup) else found


def judge_row(section: Section, row: Row) -> str:
    """Judge a request without a socket."""
    method, target, body = section.write(row)
    fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    judged = judge(section.policy, f"{method} {target} HTTP/1.1\r\nHost: docker\r\n{fields}\r\n".encode())
    verdict = finish(judged, body, lambda lookup: find(lookup, section.keys.get("policy", "")))
    if isinstance(verdict, Refusal):
        return "refuse"
    return "allow" if verdict.passes else "deny"


def encode(section: Section, row: Row) -> bytes:
    """Return the bytes of a request that is about bytes."""
    if section.keys["sent"] == "raw":
        return row.text.encode().decode("unicode_escape").encode("latin-1")
    method, target, body = section.write(row)
    if section.keys["sent"] == "chunked":
        framing, body = "Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        body += b" " * PADDING
        framing = f"Content-Length: {len(body)}"
    head = f"{method} {target} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
    return head.encode() + body


class Engine:
    """An engine that answers every request with 200 and counts them."""

    def __init__(self) -> None:
        self.requests = 0

    async def serve(self, wire: Wire) -> None:
        """Answer the requests of one connection. One that has begun counts, even if its end never comes."""
        got, begun, answered = b"", 0, 0
        while data := await wire.reader.read(1 << 16):
            got += data
            found = read_requests(got).requests
            whole = sum(request.is_whole for request in found)
            self.requests += len(found) - begun
            await wire.send(OK * (whole - answered))
            begun, answered = len(found), whole


@asynccontextmanager
async def serving(here: World) -> AsyncIterator[Engine]:
    """Serve every connection of the proxy."""
    engine = Engine()

    async def arrive() -> None:
        async with asyncio.TaskGroup() as connections:
            while True:
                connections.create_task(engine.serve(await here.arrivals.get()))

    task = asyncio.ensure_future(arrive())
    yield engine
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def send_row(here: World, engine: Engine, data: bytes) -> str:
    """Send a request over a new connection; return the verdict."""
    before = engine.requests
    client = await here.connect()
    await client.send(data)
    client.end()
    answer = await client.rest()
    count = engine.requests - before
    if count:
        return "allow" if count == 1 else f"allow {count} times"
    status = int(answer[9:12] or b"0")
    return "deny" if status in {403, 404} else "refuse"


def complain(file: Path, row: Row, found: str) -> str:
    """Write a line about a row that does not hold."""
    return f"{file.name}:{row.line}: {found}, not {row.ours}: {row.text[:100]}"


def test_each_case_of_a_peer_is_decided_as_its_row_says() -> None:
    wrong = [
        complain(file, row, found)
        for file, section in find_all("")
        for row in section.rows
        if (found := judge_row(section, row)) != row.ours
    ]
    assert not wrong, "\n".join(wrong)


@in_loop
async def test_each_case_about_bytes_lets_as_many_requests_through_as_its_row_says() -> None:
    wrong = []
    for file, section in find_all(*WAYS[1:]):
        limit = section.keys.get("limit", "")
        async with world(policy=section.policy, MAX_BODY=limit) as here, serving(here) as engine:
            for row in section.rows:
                found = await send_row(here, engine, encode(section, row))
                if found != row.ours:
                    wrong.append(complain(file, row, found))
    assert not wrong, "\n".join(wrong)


def test_a_row_says_why_ours_is_another_verdict_and_no_other_row_does() -> None:
    for file, section in find_all(*WAYS):
        for row in section.rows:
            assert row.ours in {"allow", "deny", "refuse"}, complain(file, row, "unknown")
            differs = (row.theirs == "allow") != (row.ours == "allow")
            assert differs == bool(row.because), complain(file, row, row.theirs)


def test_no_row_is_there_twice() -> None:
    for file, section in find_all(*WAYS):
        assert [text for text, count in Counter(row.text for row in section.rows).items() if count > 1] == [], file.name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_says_where_its_cases_are_published_and_when_they_were_read(file: Path) -> None:
    head = read_head(file)
    assert tuple(head) == HEAD
    assert head["link"].startswith("https://")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", head["read"])
    assert all(section.rows for section in read_sections(file))


def test_every_policy_has_rows() -> None:
    used = {section.keys.get("policy") for _, section in find_all(*WAYS)}
    assert set(POLICIES) <= used
