"""What the engine says of objects: which they are, and what acts on which of their names."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import ID, request_for, request_of
from policy.test_objects import ASKED, BUSYBOX, DIGEST, IMAGE, ask, read
from rows import for_each

from dockerproxy.api.catalog import Operation
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.objects import (
    Kind,
    Lookup,
    ResolvedObject,
    find_object,
    name_in,
    with_name,
)


@for_each(
    ("target", "answer", "found"),
    [
        ("/containers/w/json", {"Id": ID, "Name": "/web"}, ResolvedObject(ID, ("web",), subject=ID)),
        ("/v5.0.0/libpod/containers/w/json", {"Id": ID, "Name": "web"}, ResolvedObject(ID, ("web",), subject=ID)),
        ("/networks/w", {"Name": "web", "Id": ID}, ResolvedObject(ID, ("web",), subject=ID)),
        ("/v5.0.0/libpod/networks/w/json", {"name": "web", "id": ID}, ResolvedObject(ID, ("web",), subject=ID)),
        ("/volumes/w", {"Name": "web"}, ResolvedObject("web", ("web",), subject="web")),
        (
            "/services/w",
            {"ID": "4cdgfyky7", "Spec": {"Name": "web"}},
            ResolvedObject("4cdgfyky7", ("web",), subject="4cdgfyky7"),
        ),
        ("/libpod/pods/w/json", {"Id": ID, "Name": "web"}, ResolvedObject(ID, ("web",), subject=ID)),
        (
            "/images/w/json",
            {"Id": IMAGE, "RepoTags": ["web:1"]},
            ResolvedObject(IMAGE, ("docker.io/library/web:1",), subject=IMAGE),
        ),
        (
            "/libpod/images/w/json",
            {"Id": ID, "RepoTags": ["localhost/web:1"], "RepoDigests": [f"localhost/web{DIGEST}"]},
            ResolvedObject(ID, ("localhost/web:1", f"localhost/web{DIGEST}"), subject=ID),
        ),
        ("/images/w/json", {"Id": IMAGE, "RepoTags": ["<none>:<none>"]}, ResolvedObject(IMAGE, (), subject=IMAGE)),
        (
            "/images/w/json",
            {"Id": IMAGE, "RepoTags": None, "RepoDigests": [3]},
            ResolvedObject(IMAGE, (), subject=IMAGE),
        ),
        ("/containers/w/json", {"Id": ID}, ResolvedObject(ID, (), subject=ID)),
        ("/services/w", {"ID": "x1", "Spec": None, "Name": "web"}, ResolvedObject("x1", (), subject="x1")),
    ],
)
def test_an_answer_says_id_and_names(target: str, answer: Mapping[str, object], found: ResolvedObject) -> None:
    assert read(ask("GET", target), answer) == found


def test_an_exec_is_judged_by_its_container_and_goes_on_under_its_own_id() -> None:
    lookup = ask("POST", "/v1.45/exec/abc/start")
    further = read(lookup, {"ID": "e" * 64, "ContainerID": ID}, "v1.45")
    assert isinstance(further, Lookup)
    assert (further.kind, further.name, further.target) == (Kind.CONTAINER, ID, f"/v1.45/containers/{ID}/json")
    assert read(further, {"Id": ID, "Name": "/web"}, "v1.45") == ResolvedObject("e" * 64, ("web",), subject=ID)


def test_a_task_is_judged_by_its_service() -> None:
    further = read(ask("GET", "/tasks/t1"), {"ID": "t1", "ServiceID": "s1"})
    assert isinstance(further, Lookup)
    assert (further.kind, further.target) == (Kind.SERVICE, "/services/s1")
    assert read(further, {"ID": "s1", "Spec": {"Name": "web"}}) == ResolvedObject("t1", ("web",), subject="s1")


@for_each("owner", [None, "", "a/b", "..", "x?y", 3])
@for_each(("target", "field"), [("/exec/e1/json", "ContainerID"), ("/tasks/t1", "ServiceID")])
def test_an_exec_or_task_of_nothing_that_can_be_known_is_unknown(target: str, field: str, owner: object) -> None:
    assert read(ask("GET", target), {"ID": "x1", field: owner}) is None


@for_each(
    "identity",
    [
        *("", ".", "..", "../x", "a/b", "/a", "a?x=1", "a#b", "a b", "a%2fb", "a\r\nHost: x", "a\n", "é", "-a", "_a"),
        *("sha256:", "md5:a", "sha256:a/b", "a:b", None, 3, ["a"], {"Id": "a"}),
    ],
)
def test_what_cannot_stand_in_a_path_is_no_id(identity: object) -> None:
    for target, field in (("/containers/w/json", "Id"), ("/volumes/w", "Name"), ("/images/w/json", "Id")):
        assert read(ask("GET", target), {field: identity, "Name": identity}) is None


@for_each(
    "content",
    [b"", b"null", b"[]", b'"Id"', b"{", b'{"Id":', b"\xff", b"[" * 100_000, b"9" * 10_000, b"{}", b'{"id": 1}'],
)
def test_what_is_no_description_of_an_object_says_nothing(content: bytes) -> None:
    assert read_object(ask("GET", "/containers/w/json"), content, "") is None


FIELDS = st.sampled_from(["Id", "ID", "id", "Name", "Spec", "RepoTags", "RepoDigests", "ContainerID", "ServiceID"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([ID, IMAGE, "web:1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(ASKED), st.binary(max_size=20) | JSON.map(lambda answer: json.dumps(answer).encode()))
def test_whatever_is_answered_the_id_that_is_read_names_one_object(operation: Operation, content: bytes) -> None:
    request = request_for(operation)
    lookup = find_object(request)
    assert isinstance(lookup, Lookup)
    found = read_object(lookup, content, request.version)
    if isinstance(found, ResolvedObject):
        renamed = with_name(request, operation, found.id)
        again = request_of(renamed.method, renamed.target)
        assert again.operation is operation
        assert name_in(again.path, operation) == found.id


# Images: any of their names, the one that is acted on, or all


TAGGED = {"Id": IMAGE, "RepoTags": ["busybox:latest", "team/app:1"], "RepoDigests": [f"busybox{DIGEST}", f"x{DIGEST}"]}
NAMES = (f"{BUSYBOX}:latest", "docker.io/team/app:1", f"{BUSYBOX}{DIGEST}", f"docker.io/library/x{DIGEST}")
ALL = (NAMES[0], NAMES[1], NAMES[3])
"""A digest of a repository of which there is a tag is no name of its own."""


@pytest.mark.parametrize("name", ["busybox", "docker.io/team/app:1", IMAGE, ID, "4f5e"])
def test_an_image_that_is_only_looked_at_may_have_other_names(name: str) -> None:
    assert read(ask("GET", f"/images/{name}/json"), TAGGED) == ResolvedObject(IMAGE, NAMES, subject=IMAGE)


@for_each(
    ("name", "acted_on"),
    [
        ("busybox", NAMES[0]),
        ("busybox:latest", NAMES[0]),
        ("index.docker.io/library/busybox", NAMES[0]),
        ("team/app:1", NAMES[1]),
        (f"busybox{DIGEST}", NAMES[2]),
        (f"busybox:latest{DIGEST}", NAMES[2]),
    ],
)
@for_each("method", ["DELETE /images/{}", "DELETE /libpod/images/{}", "POST /libpod/images/{}/push"])
def test_what_acts_on_a_name_is_judged_by_that_name_alone_and_goes_on_under_it(
    method: str, name: str, acted_on: str
) -> None:
    """Not by the id: the name may have been given to another image by the time it is acted on."""
    verb, _, target = method.format(name).partition(" ")
    assert read(ask(verb, target), TAGGED) == ResolvedObject(acted_on, (acted_on,))


@pytest.mark.parametrize("name", [IMAGE, ID, "4f5e", "app", "busybox:2"])
def test_an_image_that_is_deleted_by_anything_else_is_judged_by_all_its_names(name: str) -> None:
    assert read(ask("DELETE", f"/images/{name}"), TAGGED) == ResolvedObject(IMAGE, ALL, every=True, subject=IMAGE)


@pytest.mark.parametrize("target", ["/images/{}/get", "/libpod/images/{}/get"])
def test_an_image_that_is_saved_by_its_id_is_judged_by_any_of_its_names(target: str) -> None:
    """The archive has none of them; by a name it has that one."""
    for name in (IMAGE, ID, "4f5e"):
        assert read(ask("GET", target.format(name)), TAGGED) == ResolvedObject(IMAGE, NAMES, subject=IMAGE)
    assert read(ask("GET", target.format("busybox")), TAGGED) == ResolvedObject(NAMES[0], NAMES[:1])


@pytest.mark.parametrize("name", ["busybox", ID])
def test_untagging_may_take_any_name(name: str) -> None:
    assert read(ask("POST", f"/libpod/images/{name}/untag"), TAGGED) == ResolvedObject(
        IMAGE, ALL, every=True, subject=IMAGE
    )
