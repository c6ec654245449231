"""A list of images is narrowed to what is own by the label that does so for containers."""

import json
from urllib.parse import quote, unquote

import pytest
from policy.policies import request_of

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.decide import decide
from dockerproxy.policy.image_lists import find_meant, leaves_out_names, narrow, read_patterns, with_marks
from dockerproxy.policy.image_marks import key_of, write_mark
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.stamps import OWNER

MINE, OTHER = f"{OWNER}=ci", f"{OWNER}=other"


def decision_of(target: str, allow: str = "own, ImageCreate: {images: ['**']}") -> Decision:
    [socket] = read_policy(f"sockets: {{ci: {{path: /ci.sock, allow: [{allow}]}}}}", "policy.yaml").sockets
    decision = decide(socket.policy, request_of("GET", target))
    assert isinstance(decision, Decision)
    return decision


def list_by(filters: object) -> str:
    return f"/images/json?all=1&filters={quote(json.dumps(filters))}"


@pytest.mark.parametrize("labels", [[MINE], {MINE: True}])
def test_the_own_label_is_no_matter_of_the_engine(labels: object) -> None:
    target = list_by({"label": labels, "dangling": ["true"]})
    request, decision = narrow(request_of("GET", target), decision_of(target))
    assert request.query == (("all", "1"), ("filters", '{"dangling":["true"]}'))
    nobodys = ResolvedObject("sha256:1", ("docker.io/library/app:latest",))
    assert [each["own"].matches(nobodys) for each in decision.shows] == [False]
    assert [each["own"].matches(nobodys) for each in decision_of(target).shows] == [True]
    assert decision.images is not None
    assert decision.images.shown(nobodys) == set()


@pytest.mark.parametrize(
    "target",
    [
        "/images/json",
        "/images/json?filters=",
        "/images/json?filters=x",
        *map(
            list_by, ({"label": [OTHER]}, {"label": [MINE, "a"]}, {"label": {MINE: False}}, {"Label": [MINE]}, [MINE])
        ),
        f"{list_by({'label': [MINE]})}&filters={{}}",
        list_by({"label": [MINE]}).replace("images", "containers"),
    ],
)
def test_only_the_own_name_narrows_a_list_of_images(target: str) -> None:
    request, decision = request_of("GET", target), decision_of(target)
    assert narrow(request, decision) == (request, decision)


def test_without_own_the_label_is_the_engines() -> None:
    target = list_by({"label": [MINE]})
    for allow in ("ImageList", "ImageList, own", "ImageList: {images: [app]}"):
        request, decision = request_of("GET", target), decision_of(target, allow)
        assert narrow(request, decision) == (request, decision)


APP, BASE = "docker.io/library/app:1", "docker.io/library/base:1"
MARK = write_mark(key_of(APP), "other")
WHOLE = [
    {"Id": "1", "RepoTags": ["app:1", "base:1", MARK], "RepoDigests": ["app@sha256:1"]},
    {"Id": "2", "RepoTags": None},
    {"Id": "3", "RepoTags": ["tool:1"]},
]


def complete(*narrowed: dict[str, object]) -> object:
    left = with_marks(json.dumps(narrowed).encode(), json.dumps(WHOLE).encode())
    return None if left is None else json.loads(left)


def test_a_filter_takes_no_mark_away() -> None:
    app = {"Id": "1", "RepoDigests": [], "Size": 7}
    assert complete({**app, "RepoTags": ["app:1"]}) == [{**app, "RepoTags": ["app:1", MARK]}]
    assert complete({**app, "RepoTags": ["base:1"]}) == [{**app, "RepoTags": ["base:1", MARK]}]
    nothing: dict[str, object] = {"Id": "2", "RepoTags": [], "RepoDigests": None}
    assert with_marks(b"null", json.dumps(WHOLE).encode()) == b"[]"
    assert complete({**app, "Id": "sha256:1", "RepoTags": ["app:1"]}) == [
        {**app, "Id": "sha256:1", "RepoTags": ["app:1", MARK]}
    ]
    assert complete(nothing, {"Id": "gone", "RepoTags": ["x:1"], "RepoDigests": []}) == [nothing]


def test_a_digest_comes_with_the_tags_that_say_whose_it_is() -> None:
    by_digest: dict[str, object] = {"Id": "1", "RepoTags": None, "RepoDigests": ["app@sha256:1"]}
    assert complete(by_digest) == [{**by_digest, "RepoTags": ["app:1", MARK]}]


@pytest.mark.parametrize("content", [b"", b"[1]", b'[{"Id": "1"}]', b"7", b"[" * 100_000])
def test_a_list_that_cannot_be_read_has_no_marks(content: bytes) -> None:
    assert with_marks(content, json.dumps(WHOLE).encode()) is None
    assert with_marks(b"[]", content) is None


@pytest.mark.parametrize(
    ("target", "is_so"),
    [
        ("/images/json", False),
        ("/images/json?all=1&filters=", False),
        (list_by({"reference": ["*"]}), True),
        ("/images/json?Filters={}", True),
        ("/images/json?filter=app", False),
        ("/v5.4.2/libpod/images/json?filters={}", True),
        ("/containers/json?filters={}", False),
    ],
)
def test_lists_by_filters_may_lack_names(target: str, is_so: bool) -> None:  # noqa: FBT001 (pytest passes it)
    assert leaves_out_names(request_of("GET", target)) is is_so


@pytest.mark.parametrize("path", ["/images/json", "/v5.4.2/libpod/images/json"])
def test_a_filter_of_names_means_those_that_may_be_seen(path: str) -> None:
    seen = frozenset({"docker.io/library/base:1", "localhost:5000/a/b@sha256:" + "1" * 64})
    means = ("base", "base:1", "ba*", "library/base", "docker.io/base:1", "*/library/base:?", "2e2e2e", "sha256:2e2e")
    for text in (*means, "a/b", "localhost:5000/*/b"):
        patterns = read_patterns(request_of("GET", f"{path}?filters={quote(json.dumps({'reference': [text]}))}"))
        meant = find_meant(patterns, seen, "sha256:" + "2e" * 32) or frozenset()
        assert len(meant) == (2 if "2e" in text else 1), text
    for text in ("app", "base:2", "bas", "dockerproxy?local/*:*", "1f1f", "", "[b]ase"):
        patterns = read_patterns(request_of("GET", f"{path}?filters={quote(json.dumps({'reference': {text: True}}))}"))
        assert patterns == (text,)
        assert find_meant(patterns, seen, "sha256:" + "2e" * 32) is None, text
    assert read_patterns(request_of("GET", f"{path}?filter=app&filters={{}}")) == ("app",)
    for filters in ("", "x", "[]", '{"reference":"app"}', '{"reference":[1]}'):
        assert read_patterns(request_of("GET", f"{path}?filters={filters}")) == ()
    assert find_meant((), frozenset(), "1") == frozenset()


@pytest.mark.parametrize("prefix", ["", "/v1.41", "/v5.4.2/libpod"])
@pytest.mark.parametrize(
    ("query", "left"),
    [
        ('filters={"dangling":["true"]}', "filters={}"),
        ('filters={"dangling":{"0":true},"reference":["app"]}', "filters={}"),
        ('filters={"dangling":["x"]}', 'filters={"dangling":["x"]}'),
        ('filters={"dangling":["1","0"]}', 'filters={"dangling":["1","0"]}'),
        ('filters={"reference":["app"]}', "filters={}"),
        ('filters={"reference":{"app":true},"label":{"a":true}}', 'filters={"label":{"a":true}}'),
        ("filters={}&filter=app&all=1", "filters={}&all=1"),
        ('FILTERS={"reference":[1]}&Filter=app', "FILTERS={}"),
        ('filters={"label":["a"]}', 'filters={"label":["a"]}'),
        ("filters=&digests=1", "filters=&digests=1"),
    ],
)
def test_no_engine_gets_a_filter_of_names(prefix: str, query: str, left: str) -> None:
    target, plain = f"{prefix}/images/json?{quote(query, safe='=&')}", "ImageList, ImageListLibpod"
    for allow, goes_on in (("own", left), (f"{plain}, ContainerStop: {{own: true}}", left), (plain, query)):
        [socket] = read_policy(f"sockets: {{ci: {{path: /ci.sock, allow: [{allow}]}}}}", "policy.yaml").sockets
        judged = judge(socket.policy, f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert isinstance(judged, Verdict)
        assert unquote(judged.to_engine.split(b" ")[1].decode().partition("?")[2]) == goes_on
        assert judged.request.query == request_of("GET", target).query
