"""A loaded image gets no name that the grant does not list, whichever engine reads which file of its archive."""

import json
from pathlib import Path

import pytest
from policy.claims.sending import LOAD, feed_all, passed_on, refusal_of
from policy.inspecting import conditions_of
from policy.policies import request_of
from wire.tars import archive_of, directory, find_corpus, hard_link, item, link, read_archive

from dockerproxy.policy.claims.archives import Archive
from dockerproxy.policy.claims.image_archives import _meanings
from dockerproxy.policy.image_marks import FreshMarks

ID = "8b3460a1d1adfd8ca00102b0444ab58702edfbf0e605c3cd2dce366c46ca19bd"
SAVED = [path for path in find_corpus() if "save" in path.name]
CONTAINERD, OCI = "io.containerd.image.name", "org.opencontainers.image.ref.name"

NAME = b'"docker.io/library/tiny:1"'


def index(**annotations: object) -> object:
    return {"schemaVersion": 2, "manifests": [{"digest": f"sha256:{ID}", "annotations": annotations}]}


def archive(name: str, content: object) -> bytes:
    written = content if isinstance(content, bytes) else json.dumps(content).encode()
    return archive_of(item(name, written))


@pytest.mark.parametrize("saved", SAVED, ids=lambda path: path.name)
def test_what_engines_save_is_loaded_where_its_name_is_granted(saved: Path) -> None:
    content = saved.read_bytes()
    passed = passed_on(LOAD, content, tags=("docker.io/library/tiny:*",))
    for (entry, found), (sent, was) in zip(passed.entries, read_archive([content]).entries, strict=True):
        assert entry.name == sent.name
        whole = was.replace(b'"tiny:1"', NAME).replace(b'ref.name":"1"', b'ref.name":' + NAME)
        assert found == was or json.loads(found) == json.loads(whole)


def test_a_name_goes_on_with_its_registry_since_podman_would_put_another_one_there() -> None:
    sent = archive("manifest.json", [{"repotags": ["app:1", "granted/x:1", "ghcr.io/a/b:1"]}, {"RepoTags": None}])
    ((_, content),) = passed_on(LOAD, sent, tags=("**",)).entries
    assert json.loads(content) == [
        {"repotags": ["docker.io/library/app:1", "docker.io/granted/x:1", "ghcr.io/a/b:1"]},
        {"RepoTags": []},
    ]


def test_an_image_has_one_name_whichever_annotation_an_engine_reads() -> None:
    for said in ({CONTAINERD: "docker.io/x:1", OCI: "evil:1"}, {CONTAINERD: "docker.io/x:1"}):
        ((_, content),) = passed_on(LOAD, archive("index.json", index(**said)), tags=("docker.io/library/x:1",)).entries
        assert json.loads(content) == index(**{CONTAINERD: "docker.io/x:1", OCI: "docker.io/x:1"})
    for annotations in ({CONTAINERD: "", OCI: "docker.io/x:1"}, {"a": "b"}, None):
        sent = {"Manifests": [{"annotations": annotations or {}}]}
        ((_, content),) = passed_on(LOAD, archive("index.json", sent), tags=("docker.io/library/x:1",)).entries
        assert json.loads(content) == sent


def test_an_archive_gives_no_more_names_than_can_be_compared() -> None:
    sent = archive("manifest.json", [{"RepoTags": [f"app:{number}" for number in range(513)]}])
    assert "has more than 512 names" in refusal_of(LOAD, sent, tags=("**",))


@pytest.mark.parametrize("saved", SAVED, ids=lambda path: path.name)
def test_what_engines_save_is_not_loaded_under_another_name(saved: Path) -> None:
    refusal = refusal_of(LOAD, saved.read_bytes(), tags=("ci/*:*",))
    assert "an image name that no rule allows" in refusal
    assert refusal.endswith('to allow it, add "ImageLoad: {tags: ["ci/*:*", docker.io/library/tiny:1]}" to "allow"')


NAMED = [
    ("manifest.json", [{"RepoTags": ["x:1", "evil:1"]}]),
    ("manifest.json", [{"RepoTags": ["x:1"]}, {"repotags": ["evil:1"]}]),
    ("./manifest.json", [{"REPOTAGS": ["evil:1"]}]),
    ("/manifest.json", [{"Repo\u017fags": None, "repoTag\u017f": ["evil:1"]}]),
    ("repositories", {"x": {"1": ID}, "evil": {"1": ID}}),
    ("index.json", index(**{CONTAINERD: "evil:1"})),
    ("index.json", index(**{CONTAINERD: "evil:1", OCI: "x:1"})),
    ("index.json", index(**{CONTAINERD: "", OCI: "evil:1"})),
    ("index.json", {"Manifests": [{"ANNOTATIONS": {OCI: "evil:1"}}]}),
]


@pytest.mark.parametrize(("name", "content"), NAMED)
def test_every_name_must_be_granted(name: str, content: object) -> None:
    refusal = refusal_of(LOAD, archive(name, content), tags=("x:1", "localhost/x:1"))
    assert "evil:1" in refusal


def test_without_a_grant_no_name_is_given_and_an_image_without_one_is_loaded() -> None:
    assert "x:1" in refusal_of(LOAD, archive("manifest.json", [{"RepoTags": ["x:1"]}]))
    unnamed: list[object] = [[{"RepoTags": None}], [{"RepoTags": []}], [{}], None, []]
    for content in unnamed:
        assert passed_on(LOAD, archive("manifest.json", content)).entries
    for content in (index(), {"manifests": [{}]}, {"manifests": None}, index(**{OCI: ""}), {}):
        assert passed_on(LOAD, archive("index.json", content)).entries
    assert passed_on(LOAD, archive("repositories", {"x": {}, "y": None})).entries


def test_a_name_that_two_engines_complete_in_two_ways_must_be_granted_in_both() -> None:
    short = archive("index.json", index(**{OCI: "x:1"}))
    for tags in (("x:1",), ("localhost/x:1",)):
        refusal_of(LOAD, short, tags=tags)
    assert passed_on(LOAD, short, tags=("x:1", "localhost/x:1")).entries
    assert _meanings("docker.io/x") == ("docker.io/x",)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", {}),
        ("manifest.json", ["x"]),
        ("manifest.json", [{"RepoTags": "x:1"}]),
        ("manifest.json", [{"RepoTags": [1]}]),
        ("manifest.json", [{"RepoTags": ["x:1"], "repotags": []}]),
        ("repositories", []),
        ("repositories", {"x": []}),
        ("index.json", []),
        ("index.json", {"manifests": {}}),
        ("index.json", {"manifests": [{"annotations": []}]}),
        ("index.json", index(**{OCI: 1})),
        ("manifest.json", b'[{"RepoTags": [], "RepoTags": ["evil:1"]}]'),
        ("manifest.json", b"[] []"),
        ("manifest.json", b"\xff"),
        ("manifest.json", b""),
    ],
)
def test_a_file_that_could_name_something_and_has_no_single_reading_is_refused(name: str, content: object) -> None:
    assert name in refusal_of(LOAD, archive(name, content), tags=("**",))


@pytest.mark.parametrize("name", ["x:1@sha256:" + ID, "X", ID, "deadbeefcafe:1", ""])
def test_what_is_no_name_is_given_by_no_grant(name: str) -> None:
    refusal_of(LOAD, archive("manifest.json", [{"RepoTags": [name]}]), tags=("**",))


@pytest.mark.parametrize(
    "items",
    [
        [item("manifest.json", b"[]"), item("./manifest.json", b"[]")],
        [link("manifest.json", "x"), item("x", b"[]")],
        [item("x", b"[]"), hard_link("manifest.json", "x")],
        [item("manifest.json", b"[]"), hard_link("x", "manifest.json")],
        [directory("index.json"), item("index.json/x", b"[]")],
        [item("manifest.json", bytes(2**20 + 1))],
        [link("x", "../y")],
        [link("a/x", "../../y")],
        [link("a/x", "y/../../../z")],
        [link("x", "/etc")],
        [link("x", "y"), item("x/z")],
    ],
)
def test_no_file_is_read_in_place_of_the_one_that_was_looked_at(items: list[object]) -> None:
    assert refusal_of(LOAD, archive_of(*items), tags=("**",))  # type: ignore[arg-type] # they are items


@pytest.mark.parametrize("target", ["../b/layer.tar", "layer", "../x/y"])
def test_a_layer_may_be_a_link_to_another(target: str) -> None:
    assert passed_on(LOAD, archive_of(link("a/layer.tar", target))).entries[0][0].target == target.encode()


def test_what_is_held_goes_on_in_its_place_as_it_was_understood() -> None:
    sent = archive_of(item("before", b"1"), item("manifest.json", b' [ {"RepoTags" : null} ] '), item("after", b"2"))
    passed = passed_on(LOAD, sent).entries
    assert [(entry.name, content) for entry, content in passed] == [
        (b"before", b"1"),
        (b"manifest.json", b'[{"RepoTags":[]}]'),
        (b"after", b"2"),
    ]


def test_no_file_of_the_place_gets_a_second_name() -> None:
    assert "no file of this archive" in refusal_of(LOAD, archive_of(hard_link("x", "etc/shadow")))
    assert passed_on(LOAD, archive_of(item("a", b"1"), hard_link("b", "a"))).entries


def test_where_images_are_owned_no_name_goes_on() -> None:
    """All files that say one name have one mark for it; an image without a name gets one of its own."""
    files = [
        item("manifest.json", json.dumps([{"RepoTags": ["app:1", "b"]}, {"Config": "x"}]).encode()),
        item("repositories", json.dumps({"app": {"1": ID}}).encode()),
        item("index.json", json.dumps(index(**{CONTAINERD: "docker.io/library/app:1", OCI: "1"})).encode()),
    ]
    marks = FreshMarks("me", "5")
    sending = Archive(request_of(*LOAD), (conditions_of({"tags": ("**",)}),), marks)
    read = read_archive([b"".join([*feed_all(sending, archive_of(*files)), *sending.end()])])
    assert not sending.fault
    manifest, repositories, listed = (json.loads(content) for _, content in read.entries)
    first, second, unnamed = (f"dockerproxy.local/new/5/{number}:me" for number in range(3))
    assert manifest == [{"RepoTags": [first, second]}, {"Config": "x", "repotags": [unnamed]}]
    assert repositories == {first.removesuffix(":me"): {"me": ID}}
    assert listed == index(**{CONTAINERD: first, OCI: first})
    assert marks.names == {first: "docker.io/library/app:1", second: "docker.io/library/b:latest", unnamed: ""}


@pytest.mark.parametrize("key", ["annotations", "Annotations"])
@pytest.mark.parametrize("annotations", [{}, {OCI: ""}, {CONTAINERD: "", "a": "b"}, None])
def test_an_image_without_a_name_in_an_index_is_own_too(key: str, annotations: dict[str, str] | None) -> None:
    marks = FreshMarks("me", "5")
    sending = Archive(request_of(*LOAD), (conditions_of({}),), marks)
    sent = feed_all(sending, archive("index.json", {"manifests": [{key: annotations}, {}]}))
    read = read_archive([b"".join([*sent, *sending.end()])])
    assert not sending.fault
    first, second = (f"dockerproxy.local/new/5/{number}:me" for number in range(2))
    assert json.loads(read.entries[0][1]) == {
        "manifests": [
            {key: {**(annotations or {}), CONTAINERD: first, OCI: first}},
            {"annotations": {CONTAINERD: second, OCI: second}},
        ]
    }
    assert marks.names == {first: "", second: ""}


def test_no_archive_has_more_images_than_can_be_given_names() -> None:
    sending = Archive(request_of(*LOAD), (conditions_of({}),), FreshMarks("me", "5"))
    feed_all(sending, archive("manifest.json", [{}] * 513))
    assert "has more than 512 names" in sending.fault
