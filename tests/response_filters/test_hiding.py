"""Of an answer goes on what its table has and the socket does not hide, byte for byte, and nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import PLAIN, request_of
from rows import for_each

from dockerproxy.api.answers import ANSWERS, COUNTING, UNREAD, WORDS, list_fields, split_words
from dockerproxy.api.catalog import OPERATIONS, Access
from dockerproxy.config.policy_file import read_policy
from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.decide import decide, is_allowed
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Decision, Mode
from dockerproxy.policy.phases import Verdict
from dockerproxy.response_filters.hiding import blank_counts, find_bar, hide, hide_line

ALL = frozenset(WORDS)
SCALARS = st.sampled_from(
    ['"shown"', '"a \\"b\\" \\u003c{}"', '"é"', "9007199254740993", "1.10", "-0", "1e400", "true", "null", '""']
)
BLANKS = st.sampled_from(["", "", " ", "\n\t"])
MARKER = '"MARKER"'
UNKNOWN = st.sampled_from(["New", "id2", "ENV", "labels ", "\\u0045nv", ""])
STEP = "a step of a path"
Pair = tuple[str, str | None]
"""JSON, and what is to be left of it."""


def fields_of(table: str) -> dict[str, Any]:
    """Return the fields of a table as a tree: each with its words, or with what is below it."""
    found: dict[str, Any] = {}
    for words, field in list_fields(table):
        place, _, inner = field.partition(":")
        *steps, last = place.partition("!")[0].split("/")
        below = found
        for step in steps:
            below = below.setdefault(step, [STEP, {}])[1]
        below[last] = [words, fields_of(inner) if inner else {} if last == "EMPTY" else None]
    return found


def is_shown(words: str, below: dict[str, Any] | None, hides: frozenset[str]) -> bool:
    """Whether a field is left; one that only leads to others is left for those."""
    if words == STEP:
        return any(is_shown(inner, deeper, hides) for inner, deeper in (below or {}).values())
    return not split_words(words) & hides


def plain_values(text: Pair) -> st.SearchStrategy[Pair]:
    """Values of a field that holds no object, and objects in its place."""
    raw = text[0]
    fits = [(raw, raw), (f"[{raw}]", f"[{raw}]"), (f"[[{raw}],null]", f"[[{raw}],null]"), ("[]", "[]")]
    return st.sampled_from([*fits, (f'{{"New":{MARKER}}}', None), (f'[1,{{"New":{MARKER}}}]', None)])


@st.composite
def documents(draw: st.DrawFn, fields: dict[str, Any], hides: frozenset[str]) -> Pair:
    """JSON of a table, with fields that it does not have."""
    names = draw(st.lists(st.sampled_from(sorted(fields)), max_size=5, unique=True)) if fields else []
    sent, left = [], []
    for name in names:
        words, below = fields[name]
        key = json.dumps(draw(st.sampled_from(["data", "*"])) if name == "*" else name)
        if json.loads(key) != name and json.loads(key) in fields:
            continue
        hidden = not is_shown(words, below, hides)
        if below is not None:
            value = draw(objects(below, hides))
        else:
            value = draw(plain_values((MARKER if hidden else draw(SCALARS), None)))
        gap = draw(BLANKS)
        sent.append(f"{key}{gap}:{gap}{value[0]}")
        if value[1] is not None and not hidden:
            left.append(f"{key}{gap}:{gap}{value[1]}")
    if "*" not in fields:
        for name in draw(st.sets(UNKNOWN)):
            known = fields.get(json.loads(f'"{name}"'))  # By an escape, which reads like the name itself.
            if known is None or not is_shown(known[0], known[1], hides):
                sent.append(f'"{name}":{draw(st.sampled_from([MARKER, f"[{{}},{MARKER}]"]))}')
    gap = draw(BLANKS)
    return f"{{{gap}{f'{gap},{gap}'.join(sent)}{gap}}}", f"{{{','.join(left)}}}"


@st.composite
def objects(draw: st.DrawFn, fields: dict[str, Any], hides: frozenset[str]) -> Pair:
    """An object, a list of some, or what does not belong there."""
    shape = draw(st.sampled_from(["one", "one", "list", "null", "text", "mixed"]))
    if shape in {"null", "text", "mixed"}:
        return {"null": ("null", "null"), "text": (MARKER, None), "mixed": (f"[{{}},{MARKER}]", None)}[shape]
    found = [draw(documents(fields, hides)) for _ in range(2 if shape == "list" else 1)]
    if shape == "one":
        return found[0]
    return f"[{found[0][0]}, {found[1][0]}]", f"[{found[0][1]},{found[1][1]}]"


TREES = {table: fields_of(table) for table in sorted({*ANSWERS.values()} - {"-"}) if table != "EVENT"}
NAMES = {table: next(name for name in ANSWERS if ANSWERS[name] == table) for table in TREES}
HIDES = st.sets(st.sampled_from(sorted(WORDS)), min_size=1).map(frozenset)


@given(st.data(), st.sampled_from(sorted(TREES)), HIDES)
def test_nothing_hidden_survives_and_all_else_is_byte_for_byte(
    data: st.DataObject, table: str, hides: frozenset[str]
) -> None:
    sent, left = data.draw(documents(TREES[table], hides))
    answer = hide(OPERATIONS[NAMES[table]], hides, 200, f"{sent}\n".encode())
    assert answer == f"{left}\n".encode()
    assert b"MARKER" not in answer


@given(st.data(), HIDES)
def test_a_list_is_as_long_as_before(data: st.DataObject, hides: frozenset[str]) -> None:
    found = data.draw(st.lists(documents(TREES["CONTAINER"], hides), max_size=3))
    content = f"[{','.join(sent for sent, _ in found)}]".encode()
    assert (
        hide(OPERATIONS["ContainerInspect"], hides, 200, content)
        == f"[{','.join(str(left) for _, left in found)}]".encode()
    )


def left_of(name: str, hides: str, document: object) -> Any:
    answer = hide(OPERATIONS[name], frozenset(hides.split()), 200, json.dumps(document).encode())
    assert answer is not None
    return json.loads(answer)


def test_what_no_table_knows_is_left_out() -> None:
    sent = {
        "Id": "x",
        "id": "x",
        "Config": {"ENV": ["x"], "Env": ["x"], "User": {"x": 1}, "Tty": [[{"x": 1}]]},
        "New": 1,
    }
    assert left_of("ContainerInspect", "join_tokens", sent) == {"Id": "x", "Config": {"Env": ["x"]}}
    escaped = b'{"Config":{"\\u0045nv":["x"],"Cmd":["y"]}}'
    assert hide(OPERATIONS["ContainerInspect"], frozenset({"environment"}), 200, escaped) == b'{"Config":{"Cmd":["y"]}}'


def test_keys_that_are_data_are_no_fields() -> None:
    sent = {"Labels": {"Env": "x", "Labels": "y", "*": "z"}, "Names": ["/a"]}
    assert left_of("ContainerList", "environment", sent) == sent
    assert left_of("ContainerList", "labels", sent) == {"Names": ["/a"]}
    assert left_of("ContainerList", "environment", {"Labels": {"a": {"Env": 1}, "b": "c"}}) == {"Labels": {"b": "c"}}


@for_each("name", [name for name, table in ANSWERS.items() if table == "-"])
def test_an_answer_that_shows_nothing_passes(name: str) -> None:
    assert hide(OPERATIONS[name], ALL, 200, b"anything") == b"anything"
    assert hide(OPERATIONS[name], ALL, 204, b"") == b""


@for_each(
    ("name", "status", "content", "told"),
    [
        ("ContainerInspect", 404, b'{"message":"No such container: x","New":1}', b'{"message":"No such container: x"}'),
        ("ContainerStart", 404, b'{"message":"No such container: x"}', b'{"message":"No such container: x"}'),
        ("ContainerStart", 404, b'{"message":"exec: \\"MARKER\\": not found"}', None),
        ("ContainerStart", 404, b'{"x":"MARKER","message":"No such x"}', b'{"message":"No such x"}'),
        ("ContainerStart", 500, b'{"message":"error mounting \\"/MARKER\\""}', None),
        ("ContainerList", 500, b'{"message":"stat /MARKER"}', None),
        ("ContainerList", 400, b"MARKER", None),
        ("ImageSearch", 400, b'{"message":"lookup a.io on MARKER:53: no such host"}', None),
        ("DistributionInspect", 404, b'{"message":"MARKER"}', None),
        ("ContainerList", 301, b"<a href=MARKER>", None),
    ],
)
def test_an_error_says_no_more_than_the_client_did(name: str, status: int, content: bytes, told: bytes | None) -> None:
    answer = hide(OPERATIONS[name], ALL, status, content)
    assert answer is not None
    if told is None:
        assert json.loads(answer)["message"].startswith(f"the engine answered {status}; its message is left out")
        assert b"MARKER" not in answer
    else:
        assert answer == told


def event(kind: str, action: str, **attributes: str) -> bytes:
    actor = {"ID": "x", "Attributes": attributes}
    return json.dumps({"status": action, "Type": kind, "Action": action, "Actor": actor}).encode()


@for_each(
    ("hides", "line", "left"),
    [
        ("arguments", event("container", "exec_create: sh -c MARKER", a="b"), event("container", "exec_create", a="b")),
        ("arguments", event("container", 'exec_start: "MARKER" \\'), event("container", "exec_start")),
        ("labels", event("container", "exec_die: x", a="b", name="n"), event("container", "exec_die: x", name="n")),
        ("labels", event("image", "tag", image="MARKER", name="n"), event("image", "tag", name="n")),
        ("labels", event("container", "die", image="i", name="n"), event("container", "die", image="i", name="n")),
        ("arguments", event("container", "health_status: healthy"), event("container", "health_status: healthy")),
        ("arguments", event("container", "health_status: a MARKER"), event("container", "health_status")),
        *(
            (word, event("image", "pull-error", error="MARKER", a="b"), event("image", "pull-error", a="b"))
            for word in ("registry", "addresses")
        ),
        ("registry", event("daemon", "reload", mirrors="MARKER", name="n"), event("daemon", "reload", name="n")),
    ],
)
def test_events_go_without_commands_labels_and_configuration(hides: str, line: bytes, left: bytes) -> None:
    answer = hide_line(OPERATIONS["SystemEvents"], frozenset({hides}), line)
    assert answer is not None
    assert json.loads(answer) == json.loads(left)


_SAID = ("type", "container", "driver", "destination", "network")
_PUT = ("exitCode", "containerExitCode", "execID", "podId", "signal")


@pytest.mark.parametrize("kind", ["container", "image", "pod", "network", "volume"])
def test_no_event_shows_a_label_as_something_else(kind: str) -> None:
    """Of networks and volumes, what is beside the name is no label."""
    is_labelled = kind not in {"network", "volume"}
    for name in (*_SAID, *_PUT):
        answer = hide_line(OPERATIONS["SystemEvents"], frozenset({"labels"}), event(kind, "create", **{name: "MARKER"}))
        assert answer is not None
        assert (b"MARKER" in answer) is (not is_labelled and name in _SAID)
    for name in _PUT:
        said = event(kind, "die", **{name: "137"})
        assert hide_line(OPERATIONS["SystemEvents"], frozenset({"labels"}), said) == said.replace(b", ", b",")


@pytest.mark.parametrize("line", [b"", b"\x1e{}", b"no json", b'"text"', b'{"Type":"container"'])
def test_a_line_that_cannot_be_read_is_left_out(line: bytes) -> None:
    assert hide_line(OPERATIONS["SystemEvents"], ALL, line) is None


def test_an_action_that_is_no_text_is_left_out() -> None:
    assert hide_line(OPERATIONS["SystemEvents"], ALL, b'{"Action":7,"Type":"x"}') == b'{"Type":"x"}'


# Which requests are denied


def policy_of(mode: str, hides: str, *allow: str) -> CompiledPolicy:
    lines = "".join(f"\n  - {line}" for line in allow)
    text = f"sockets:\n x:\n  path: /x.sock\n  mode: {mode}\n  hide: [{hides}]\n  allow:{lines or ' []'}"
    return read_policy(text, "policy.yaml").sockets[0].policy


def judged(policy: CompiledPolicy, method: str, target: str) -> Verdict:
    verdict = judge(policy, f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert isinstance(verdict, Verdict)
    return verdict


@given(HIDES, st.sampled_from([name for name in OPERATIONS if find_bar(ALL, name)]))
def test_without_the_words_that_a_denial_names_and_with_no_less_an_answer_passes(
    hides: frozenset[str], name: str
) -> None:
    named = frozenset(find_bar(hides, name).rpartition("remove ")[2].removesuffix(" from hide").split(", ")) - {""}
    assert not find_bar(hides - named, name)
    assert all(find_bar(hides - named | {word}, name) for word in named)


@for_each("mode", Mode)
@for_each("name", [name for name in OPERATIONS if find_bar(ALL, name)])
def test_an_operation_that_would_show_what_is_hidden_is_denied_in_every_mode(mode: Mode, name: str) -> None:
    request = PLAIN[name]
    verdict = judge(
        policy_of(mode, ", ".join(WORDS)), f"{request.method} {request.target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    )
    assert isinstance(verdict, Verdict | Refusal)
    assert isinstance(verdict, Refusal) or (not verdict.passes and verdict.plan is None)


def test_a_denial_says_what_to_change() -> None:
    verdict = judged(policy_of("enforce", "arguments, labels", "containers:read"), "GET", "/containers/x/top")
    assert verdict.decision.message == (
        "ContainerTop denied: its answer may show what this socket hides; to allow it, remove arguments from hide"
    )
    assert not policy_of("enforce", "arguments", "containers:read").allows("ContainerTop")
    assert policy_of("enforce", "labels", "containers:read").allows("ContainerTop")


def test_what_nothing_allows_is_denied_for_that_and_for_what_would_show_then() -> None:
    message = judged(policy_of("enforce", "arguments"), "GET", "/containers/x/top").decision.message
    assert message.startswith("ContainerTop denied: no rule allows it; to allow it for every container if contained,")
    assert message.endswith(", and remove arguments from hide")
    message = judged(policy_of("report", "arguments"), "GET", "/containers/x/top").decision.message
    assert message.endswith("remove arguments from hide")


@pytest.mark.parametrize("mode", Mode)
def test_an_unknown_operation_is_denied_in_every_mode(mode: Mode) -> None:
    assert not judged(policy_of(mode, "labels"), "GET", "/debug/vars").passes


@pytest.mark.parametrize(
    ("query", "passes"),
    [
        ("", True),
        ("?details=0", True),
        ("?details=false&stdout=1", True),
        ("?details=1", False),
        ("?Details=yes", False),
    ],
)
def test_logs_are_shown_without_the_details_that_have_environment_and_labels(query: str, *, passes: bool) -> None:
    for words, expected in (("labels", passes), ("mounts", True)):
        verdict = judged(policy_of("enforce", words, "containers:read"), "GET", f"/containers/x/logs{query}")
        assert verdict.passes is expected
    assert (
        "remove labels from hide"
        in judged(policy_of("learn", "labels"), "GET", "/containers/x/logs?details=1").decision.message
    )


@pytest.mark.parametrize("mode", Mode)
def test_an_answer_is_cut_in_every_mode_and_not_where_nothing_is_hidden(mode: Mode) -> None:
    for target in ("/containers/json", "/networks", "/info"):
        assert judged(policy_of(mode, "labels", "preset:read-only"), "GET", target).plan is not None
        assert judged(policy_of(mode, "", "preset:read-only"), "GET", target).plan is None
    assert judged(policy_of(mode, "labels", "preset:read-only"), "GET", "/_ping").plan is None
    assert judged(policy_of(mode, "labels"), "GET", "/_dockerproxy/health").passes


def test_a_parameter_that_shows_more_belongs_to_an_operation_that_shows_less() -> None:
    of_parameters: Callable[[str], bool] = lambda key: "?" in key  # noqa: E731 (it is short)
    for key in filter(of_parameters, UNREAD):
        assert key.partition("?")[0] in UNREAD
        assert OPERATIONS[key.partition("?")[0]].access is Access.READ


def test_hidden_things_may_be_none() -> None:
    assert policy_of("enforce", "").hides == frozenset()
    assert request_of("GET", "/info").operation.name == "SystemInfo"


# Counts of all that there is


INFO = {
    "/info": b'{"ID":"x","Containers":3,"ContainersRunning":1,"Images":12,"NCPU":2,"Labels":["Images=1"]}',
    "/v5.0.0/libpod/info": b'{"host":{"cpus":2,"freeLocks":9},"store":{"containerStore":{"number":3},"root":"/x"}}',
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/info", b'{"ID":"x","Containers":0,"ContainersRunning":0,"Images":0,"NCPU":2,"Labels":["Images=1"]}'),
        (
            "/v5.0.0/libpod/info",
            b'{"host":{"cpus":2,"freeLocks":0},"store":{"containerStore":{"number":0},"root":"/x"}}',
        ),
    ],
)
def test_counts_are_0_and_all_else_stays_as_it_came(target: str, expected: bytes) -> None:
    name = request_of("GET", target).operation.name
    assert name in COUNTING
    assert blank_counts(name, INFO[target]) == expected
    assert blank_counts(name, b"[") is None


@pytest.mark.parametrize(
    ("lines", "mode", "blank"),
    [
        ("own", "enforce", True),
        ("ContainerList: {containers: [web]}", "enforce", True),
        ("ContainerListLibpod: {labelled: {a: b}}", "enforce", True),
        ("ContainerList: {containers: [web]}", "report", False),
        ("ContainerList", "enforce", False),
        ("ContainerList, NetworkList: {networks: [web]}", "enforce", False),
        ("SystemPing", "enforce", False),
    ],
)
def test_nothing_is_counted_where_a_list_shows_only_some(lines: str, mode: str, *, blank: bool) -> None:
    text = f"sockets: {{ci: {{path: /ci.sock, mode: {mode}, allow: [SystemInfo, SystemInfoLibpod, {lines}]}}}}"
    policy = read_policy(text, "policy.yaml").sockets[0].policy
    for target in INFO:
        verdict = judge(policy, f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert isinstance(verdict, Verdict)
        assert verdict.passes
        assert (verdict.plan is not None) is blank
        assert verdict.to_engine.startswith(f"GET {target} HTTP/1.1\r\n".encode())


def test_the_denial_of_disk_usage_beside_own_names_a_line_that_allows_it() -> None:
    request = request_of("GET", "/v1.45/system/df")
    for allow in ("own", "own, SystemDataUsage"):
        policy = read_policy(f"sockets: {{ci: {{path: /ci.sock, allow: [{allow}]}}}}", "policy.yaml").sockets[0].policy
        answer = decide(policy, request)
        assert isinstance(answer, Decision)
        if is_allowed(answer):
            assert (allow, answer.shows) == ("own, SystemDataUsage", ())
        else:
            line = 'let clients reach objects that they did not create, add "SystemDataUsage" to "allow" of socket "ci"'
            assert answer.message.endswith(f"; to allow it and {line}")
