"""What comes over the control socket is read strictly, and shown so that a client cannot write lines of ours."""

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, quote

import pytest
import yaml
from folders import short_folder
from hypothesis import assume, event, given
from hypothesis import strategies as st
from proxy.harness import request
from proxy.operators import asking
from rows import for_each

from dockerproxy.advice.questions import propose
from dockerproxy.cli.questions import (
    Asked,
    Control,
    Over,
    describe,
    list_exposures,
    list_fields,
    read_event,
    view,
    write_line,
)
from dockerproxy.observe.record import plain_body
from dockerproxy.policy.asking import Question, find_question, read_whole
from dockerproxy.policy.compile import extend
from dockerproxy.policy.judge import attach_body, judge, judge_again
from dockerproxy.policy.model import Source
from dockerproxy.policy.phases import Verdict
from dockerproxy.proxy.control import _dump
from dockerproxy.wire.document import Json

ASKED = (
    b'{"kind":"asked","id":"A","socket":"s","operation":"ContainerList","bounded":true,"allows":"once","conditions":{},'
    b'"uid":0,"pid":1,"method":"GET","target":"/containers/json","expires":1e12}'
)


@for_each(
    "line",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"kind":"record","id":"A"}',
        ASKED.replace(b'"ContainerList"', b'"Nonsense"'),
        ASKED.replace(b"true", b"1"),
        ASKED.replace(b'"once"', b'"deny"'),
        ASKED.replace(b'"once"', b"[]"),
        ASKED.replace(b'{},"uid"', b'[],"uid"'),
        ASKED.replace(b'"A"', b"1"),
    ],
)
def test_what_is_no_question_is_left_out(line: bytes) -> None:
    assert read_event(line) is None
    assert read_event(ASKED) is not None
    assert read_event(b'{"kind":"answered","id":"A","answer":"deny","by":null}') == Over("A", "deny")


HOSTILE = st.text(max_size=40) | st.sampled_from(
    [
        " " * 100 + "allow    - Everything",
        "a\nallow    - Everything\x1b[2J\r\x7f\x9b2J",
        "\u202emoc.live\u2066\u200b\u200d\u2060\ufeff\u3164\u2800\ufe00\u034f",
        "[o]nce, [d]eny, [v]iew, [a]lways? o",
        "... and 3 more characters, with [v]iew",
        "x" * 2000,
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | HOSTILE
DOCUMENTS = st.recursive(
    LEAVES, lambda below: st.lists(below, max_size=4) | st.dictionaries(HOSTILE, below, max_size=4), max_leaves=8
)
BODIES = st.fixed_dictionaries(
    {"Image": st.sampled_from(["docker.io/library/busybox:1", "ghcr.io/a/b:c"])},
    optional={
        "Env": st.lists(st.tuples(st.sampled_from("XA"), HOSTILE).map("=".join), max_size=3),
        "Labels": st.dictionaries(HOSTILE, HOSTILE, max_size=3),
        "Cmd": st.lists(HOSTILE, max_size=3),
        "Entrypoint": st.lists(HOSTILE, max_size=3),
        "HostConfig": st.fixed_dictionaries({}, optional={"Privileged": st.booleans(), "Memory": st.just(0)}),
        "AuthConfig": DOCUMENTS,
    },
) | st.dictionaries(HOSTILE, DOCUMENTS, max_size=4)
HEADERS = st.lists(st.binary(max_size=30).filter(lambda value: not re.search(rb"[\0-\x1f\x7f]", value)), max_size=2)
WIDTHS = st.sampled_from([0, 8, 24, 80])


def ask(question: Question) -> Asked:
    """Return a question as it comes over the control socket."""
    more = {"conditions": plain_body(question.conditions), "faults": question.faults, "bounded": question.is_bounded}
    told = {"kind": "asked", "id": "A", "socket": "s", "operation": question.verdict.operation.name, **more}
    asked = read_event(_dump({**told, "allows": "once", **question.shown}).encode())
    assert isinstance(asked, Asked)
    return asked


def read_view(asked: Asked, width: int) -> tuple[str, list[tuple[str, str]], dict[str, object], Json]:
    """Read the full view back: the line, parameters, header fields, and the body."""
    lines: list[str] = []
    for row in view(asked, width):
        assert row.isascii()
        assert row.isprintable()
        assert not width or len(row) <= max(width, 5)
        margin, text = row[:4], row[4:]
        assert margin in {"  | ", "  > "}
        if margin == "  | ":
            lines.append(text)
        else:
            lines[-1] += text
    is_head = re.compile(r'[a-z0-9-]+: |  "').match
    body = next(number for number, line in enumerate(lines) if number and not is_head(line))
    parameters, headers = [], {}
    for line in lines[1:body]:
        name, _, value = line.partition(": ")
        if line.startswith("  "):
            parameter, end = json.JSONDecoder().raw_decode(line, 2)
            parameters.append((parameter, json.loads(line[end + 1 :])))
        else:
            headers[name] = json.loads(value)
    document: Json = json.loads("\n".join(lines[body:]))
    return lines[0], parameters, headers, document


@given(BODIES, st.lists(HOSTILE.filter(lambda text: len(text) < 500), max_size=3), HEADERS, WIDTHS)
def test_every_byte_that_goes_on_is_in_the_full_view(
    body: dict[str, Json], values: list[str], fields: list[bytes], width: int
) -> None:
    content = json.dumps(body).encode()
    query = "&".join(f"q{number}={quote(value)}" for number, value in enumerate(values))
    head = request(
        "POST", f"/v1.45/containers/create?{query}", "Content-Type: application/json", f"Content-Length: {len(content)}"
    )
    head = head[:-2] + b"".join(b"X-Meta-%d: %b\r\n" % pair for pair in enumerate(fields)) + b"\r\n"
    denied = judge(asking(), head)
    assume(isinstance(denied, Verdict))
    assert isinstance(denied, Verdict)
    whole = read_whole(attach_body(denied, content))
    question = None if isinstance(whole, str) else find_question(whole, propose)
    assume(isinstance(question, Question))
    assert isinstance(question, Question)
    allowed = judge_again(
        extend(asking(), question.grant(Source("asked"))), question.verdict, question.verdict.known, "0" * 32
    )
    assume(isinstance(allowed, Verdict))
    assert isinstance(allowed, Verdict)
    event("contained" if question.is_bounded else "unrestricted")
    sent, _, behind = allowed.to_engine.partition(b"\r\n\r\n")
    line, parameters, headers, document = read_view(ask(question), width)
    first, *others = sent.decode("latin-1").split("\r\n")
    sent_headers = dict(each.split(": ", 1) for each in others)
    assert {**headers, "content-length": str(len(behind))} == sent_headers
    assert parameters == parse_qsl(first.split(" ")[1].partition("?")[2], keep_blank_values=True)
    assert first == f"{line} HTTP/1.1"
    sent_leaves = {each for each in find_leaves(json.loads(behind)) if each[1] != '"MKNOD"'}  # Dropped without asking.
    assert sent_leaves <= set(find_leaves(document))


def find_leaves(value: Json, *path: str | int) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Find all values in a document, each with its path, as JSON: true is not 1."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from find_leaves(below, *path, key)
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from find_leaves(below, *path, number)
    else:
        yield path, json.dumps(value)


OURS = re.compile(r"  (who|request|sends|object|body|beware|allow|exposes) *| {11}").fullmatch


@given(BODIES, HOSTILE, HOSTILE, WIDTHS)
def test_a_client_cannot_write_lines_of_ours(body: dict[str, Json], name: str, program: str, width: int) -> None:
    told = {"headers": [["x-registry-auth", {"username": name}]], "body": body, "faults": [program], "object": name}
    asked = read_event(_dump({**json.loads(ASKED), **told}).encode())
    assert isinstance(asked, Asked)
    with control_of(os.getpid()) as control:
        first, *rows = describe(asked, control, width)
    assert first.startswith("ContainerList on socket s")
    for row in rows:
        assert OURS(row[:11]), row
        assert row.isascii()
        assert row.isprintable()
        assert not width or len(row) <= max(width, 12)


@given(st.lists(HOSTILE, min_size=1, max_size=3, unique=True), HOSTILE, WIDTHS)
def test_a_line_for_the_file_is_escaped_and_says_what_was_asked(texts: list[str], name: str, width: int) -> None:
    conditions = {"images": ["docker.io/library/busybox:1"], "commands": [texts]}
    told = {"operation": "ContainerCreate", "socket": name, "conditions": conditions}
    asked = read_event(_dump({**json.loads(ASKED), **told}).encode())
    assert isinstance(asked, Asked)
    first, *rows = write_line(asked, width)
    for row in (first, *rows):
        assert row.isascii()
        assert row.isprintable()
    for row in rows:
        assert re.match(r"  allow    | {11}", row)
        assert not width or len(row) <= max(width, 12)
    if not width:
        assert yaml.safe_load("\n".join(row[11:] for row in rows)) == [{"ContainerCreate": conditions}]


def test_without_a_line_that_allows_only_the_request_there_is_none() -> None:
    asked = read_event(ASKED.replace(b'"bounded":true', b'"bounded":false'))
    assert isinstance(asked, Asked)
    assert list(write_line(asked, 80)) == ["  no line allows only this request"]


def test_nothing_is_cut_without_its_length() -> None:
    body = {"Image": "x" * 1000, "Env": ["PASSWORD=x"], "Labels": {}, "auth": "x", **{f"k{at}": at for at in range(20)}}
    asked = read_event(_dump({**json.loads(ASKED), "body": body}).encode())
    assert isinstance(asked, Asked)
    with control_of(os.getpid()) as control:
        shown = "\n".join(describe(asked, control, 0))
    assert f'Image "{"x" * 239} ... and 762 more characters, with [v]iew' in shown
    assert 'Env ["PASSWORD=x"]' in shown
    assert 'auth "x"' in shown
    assert "and 12 more, with [v]iew" in shown


def test_a_key_is_no_path() -> None:
    assert list(list_fields({"HostConfig.Privileged": True, 'a "b"': {"c": 1}, "": [{}]})) == [
        ('["HostConfig.Privileged"]', "true"),
        ('["a \\"b\\""].c', "1"),
        ('[""][0]', "{}"),
    ]


def test_of_a_tunnel_it_is_said_that_input_comes_later() -> None:
    asked = read_event(ASKED.replace(b"ContainerList", b"ExecStart"))
    assert isinstance(asked, Asked)
    with control_of(os.getpid()) as control:
        assert "  beware   later input of the client is not shown" in list(describe(asked, control, 80))


@pytest.mark.parametrize(
    ("bind", "is_told"),
    [("/run", True), ("/", True), ("/run/operator:ro", True), ("/run/operators", False), ("/run/operator/c", False)],
)
def test_a_mount_of_the_control_socket_is_told(bind: str, is_told: bool, tmp_path: Path) -> None:  # noqa: FBT001 (a case)
    (tmp_path / "link").symlink_to("/run/operator")
    conditions = json.dumps({"binds": [bind]}).encode()
    asked = read_event(ASKED.replace(b"ContainerList", b"ContainerCreate").replace(b'{},"uid"', conditions + b',"uid"'))
    assert isinstance(asked, Asked)
    for control in ("/run/operator/control.sock", f"{tmp_path}/link/control.sock"):
        told = list_exposures(asked, control)
        assert ("can allow itself everything: it reaches the control socket" in told) is is_told


@contextmanager
def control_of(pid: int) -> Iterator[Control]:
    """Connect to a control socket of a proxy that says that it has this number."""
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/c.sock")
        listener.listen()
        control = Control(f"{folder}/c.sock")
        proxy, _ = listener.accept()
        hello = {"kind": "hello", "protocol": 1, "version": "1", "pid": pid, "started": 1.0}
        ours = b'"pid":%d,' % os.getpid()
        with proxy:
            proxy.sendall(_dump(hello).encode() + b"\n" + ASKED.replace(b'"pid":1,', ours) + b"\n")
            yield control
        control.close()


def test_a_program_is_named_only_if_we_count_processes_as_the_proxy_does() -> None:
    for pid, is_named in ((os.getpid(), True), (1, False)):
        with control_of(pid) as control:
            events = control.read()
            assert events is not None
            [asked] = events
            assert isinstance(asked, Asked)
            shown = "\n".join(describe(asked, control, 0))
            assert (os.readlink("/proc/self/exe") in shown) is is_named
            assert ("in another PID namespace" in shown) is not is_named


def test_a_line_for_the_file_says_first_what_it_gives_away() -> None:
    told = {"operation": "ContainerCreate", "conditions": {"images": ["app"], "binds": ["/"]}}
    asked = read_event(_dump({**json.loads(ASKED), **told}).encode())
    assert isinstance(asked, Asked)
    first, *_ = write_line(asked, 80)
    assert first.startswith('  to let clients become root on the host, add this to "allow" of socket ')
