"""What a build may say, and the requests of the classic API as which it is judged."""

import json
import re
from urllib.parse import parse_qs, urlsplit

from builds.messages import entry, flag, text
from builds.said import (
    BRIDGE,
    CONTROL,
    OWNER,
    SOLVE,
    STEP,
    attributes_of,
    attrs,
    cache_from,
    cache_to,
    denial,
    export,
    goes_on,
    hear,
    old_export,
)
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.owner_labels import scope

PLAIN = ("POST", "/build?")
PUSH = "/images/docker.io/library/{}/push?tag={}"
PULL = "/images/create?fromImage=docker.io/library/{}&tag={}"
DIGEST = "sha256:" + "0" * 64

HARMLESS: list[tuple[str, str]] = [
    ("target", "stage"),
    ("target", "https://example.com"),
    ("build-arg:VERSION", "1 = ü"),
    ("build-arg:BUILDKIT_INLINE_CACHE", "1"),
    ("build-arg:BUILDKIT_DOCKERFILE_CHECK", "skip=all;error=true"),
    ("build-arg:BUILDKIT_MULTI_PLATFORM", "1"),
    ("build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR", "1"),
    ("build-arg:HTTP_PROXY", "http://proxy:3128"),
    ("no-cache", ""),
    ("no-cache", "one,two"),
    ("platform", "linux/amd64,linux/arm64/v8"),
    ("multi-platform", "true"),
    ("add-hosts", "a=10.0.0.1,b=[::1]"),
    ("shm-size", "67108864"),
    ("ulimit", "nofile=1024:2048,nproc=9"),
    ("image-resolve-mode", "pull"),
    ("force-network-mode", "none"),
    ("force-network-mode", "default"),
    ("context", ""),
    ("context", "http://buildkit-session/abc123"),
    ("contextkey", "context-shared"),
    ("dockerfilekey", "dockerfile"),
    ("context:base", "docker-image://docker.io/library/base:1@" + DIGEST),
    ("context:files", "local:files"),
    ("attest:provenance", "mode=min,inline-only=true"),
    ("attest:provenance", "disabled=true"),
    ("vcs:source", "https://example.com/x"),
    ("requestid", "frontend.lint"),
    ("frontend.caps", "moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests+forward"),
]


@for_each(("name", "value"), HARMLESS)
def test_what_a_dockerfile_could_say_is_a_plain_build(name: str, value: str) -> None:
    for path in (SOLVE, STEP):
        call = hear(attrs({name: value}, path=path), path)
        assert call.requests == (PLAIN,)
        assert attributes_of(goes_on(attrs({name: value}, path=path), path))[name] == value


JUDGED: list[tuple[str, bytes, list[str]]] = [
    ("a name", export("moby", {"name": "a:1"}), ["/build?t=a%3A1"]),
    ("a name as it was said", old_export("moby", {"name": "a:1"}), ["/build?t=a%3A1"]),
    ("several names", export("moby", {"name": "a,b:2"}), ["/build?t=a&t=b%3A2"]),
    ("one name twice", export("moby", {"name": "a,a"}), ["/build?t=a"]),
    ("a name that ends", export("moby", {"name": "a,"}), ["/build?t=a&t="]),
    ("a name with a query", export("moby", {"name": "a&t=b"}), ["/build?t=a%26t%3Db"]),
    ("no name", export("moby", {}), ["/build?"]),
    ("names in both places", export("moby", {"name": "a"}) + old_export("image", {"name": "b"}),
     ["/build?t=a&t=b"]),
    ("names of two exporters", export("moby", {"name": "a"}) + export("local", {"name": "b"})[3:],
     ["/build?t=a&t=b"]),
    ("a push", export("image", {"name": "a,b:2", "push": "true"}),
     ["/build?t=a&t=b%3A2", PUSH.format("a", "latest"), PUSH.format("b", "2")]),
    ("a push by 1", export("image", {"name": "a", "push": "1"}), ["/build?t=a", PUSH.format("a", "latest")]),
    ("an empty push, which the engine does", export("image", {"name": "a", "push": ""}),
     ["/build?t=a", PUSH.format("a", "latest")]),
    ("an old push", old_export("image", {"name": "a", "push": "true"}),
     ["/build?t=a", PUSH.format("a", "latest")]),
    ("no push", export("image", {"name": "a", "push": "false"}), ["/build?t=a"]),
    ("no push by 0", export("image", {"name": "a", "push": "0"}), ["/build?t=a"]),
    ("a Dockerfile", attrs({"filename": "d/Dockerfile"}), ["/build?dockerfile=d%2FDockerfile"]),
    ("a registry to write to", cache_to("registry", {"ref": "a:1", "mode": "max"}), [PUSH.format("a", "1")]),
    ("a registry to read from", cache_from("registry", {"ref": "a:1"}), [PULL.format("a", "1")]),
    ("a digest to read", cache_from("registry", {"ref": "a@" + DIGEST}), [PULL.format("a", DIGEST)]),
    ("the image", cache_to("inline", {}), []),
    ("images to read from", attrs({"cache-from": "a,b:2"}),
     ["/build?", PULL.format("a", "latest"), PULL.format("b", "2")]),
    ("a list to read from", attrs({"cache-imports": '[{"Type":"registry","Attrs":{"ref":"a"}}]'}),
     ["/build?", PULL.format("a", "latest")]),
    ("a trial", text(1, "r") + flag(11, 1), []),
    ("an export of what was built", export("docker", {"name": "a", "tar": "true"}), ["/build?t=a"]),
]  # fmt: skip


@for_each(("what", "content", "targets"), JUDGED)
def test_a_build_is_judged_as_the_requests_that_would_do_the_same(
    what: str, content: bytes, targets: list[str]
) -> None:
    call = hear(content)
    assert call.requests == tuple(("POST", target) for target in targets), what
    assert not call.is_part


def test_a_part_of_a_build_reads_caches_at_the_other_door_alike() -> None:
    call = hear(cache_from("registry", {"ref": "a"}, path=STEP) + text(2, "dockerfile.v0"), STEP)
    assert call.requests == (PLAIN, ("POST", PULL.format("a", "latest")))
    assert (call.is_part, call.build) == (True, "")


def test_a_build_without_a_name_is_no_other_owners() -> None:
    for path in (SOLVE, CONTROL + "Status"):
        named, again, other = (hear(b"", path, owner=owner).content for owner in ("a", "a", "b"))
        assert named == again != other


def test_labels_are_judged_as_a_document() -> None:
    [(_, target)] = hear(attrs({"label:a": '"&', "label:b": "", "label:dockerproxy.x": "y"})).requests
    [labels] = parse_qs(urlsplit(target).query)["labels"]
    assert json.loads(labels) == {"a": '"&', "b": "", "dockerproxy.x": "y"}


def test_to_read_an_image_is_a_part_of_a_build_that_must_be_allowed() -> None:
    call = hear(text(1, "a"), BRIDGE + "ResolveImageConfig")
    assert (call.requests, call.is_part) == ((("POST", "/build"),), True)


SILENT = [
    *(CONTROL + name for name in ("ListWorkers", "Info", "Status")),
    *(BRIDGE + name for name in ("Ping", "Return", "Inputs", "Warn")),
]


@for_each("path", SILENT)
def test_a_call_that_begins_nothing_is_judged_as_nothing(path: str) -> None:
    assert hear(text(2, b"") if path.endswith("Return") else b"", path).requests == ()


NAMED: list[tuple[str, str, bytes, str]] = [
    (SOLVE, "ref", text(1, "NAME"), "build"),
    (SOLVE, "session", text(5, "NAME"), "session"),
    (CONTROL + "Status", "ref", text(1, "NAME"), "build"),
    (BRIDGE + "ResolveImageConfig", "session", text(6, "NAME"), "session"),
]
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)


@given(NAMES, NAMES, NAMES)
def test_a_name_that_a_client_made_up_goes_on_as_the_owner_s_and_no_other_has_it(name: str, one: str, two: str) -> None:
    for path, field, content, what in NAMED:
        written = text(content[0] >> 3, name)
        sent = [goes_on(written, path, owner)[field] for owner in (one, one, two)]
        assert sent[0] == sent[1] == scope(one, what, name)
        assert (sent[0] == sent[2]) == (one == two)
        assert re.fullmatch("[0-9a-f]{32}", str(sent[0]))


@given(NAMES, NAMES)
def test_sessions_are_called_alike_wherever_they_are_named(name: str, owner: str) -> None:
    for path in (SOLVE, STEP):
        sent = attributes_of(goes_on(attrs({"local-sessionid:context": name}, path=path), path, owner))
        assert sent["local-sessionid:context"] == scope(owner, "session", name)


KINDS = st.sampled_from(["build", "session", "context", "build-arg:BUILDKIT_CACHE_MOUNT_NS"])
SCOPED = st.tuples(NAMES, KINDS, NAMES)


@given(SCOPED, SCOPED)
def test_two_names_are_one_only_if_all_of_them_is_the_same(
    one: tuple[str, str, str], two: tuple[str, str, str]
) -> None:
    assert (scope(*one) == scope(*two)) == (one == two)


def test_no_spaces_let_one_owner_be_taken_for_another() -> None:
    assert scope("a", "session b", "c") != scope("a session", "b", "c")
    assert scope("a b", "build", "c") != scope("a", "b build", "c")
    assert scope("", "build", "a") != scope("1", "build", "a")


def test_an_empty_name_of_a_session_stays_empty_and_one_of_a_build_becomes_the_owner_s() -> None:
    goes = goes_on(text(1, "") + text(5, ""), SOLVE) | {"attrs": {}}
    assert goes == {"ref": scope(OWNER, "build", " "), "session": "", "attrs": {}}


def test_the_build_of_a_call_is_called_as_the_engine_calls_it() -> None:
    assert hear(text(1, "r")).build == scope(OWNER, "build", "r")
    assert not denial(entry(7, "target", "x"))
