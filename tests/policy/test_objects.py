"""What a name means is asked in a way that the engine answers, and read only from an answer that says it."""

import json

import pytest
from api.paths import path_of
from policy.policies import ID, request_for, request_of
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.objects import (
    GIVING,
    KINDS,
    REACHING,
    SWITCHES,
    WORDS,
    Kind,
    Lookup,
    ResolvedObject,
    certain_values,
    find_object,
    is_full_id,
    join_reference,
    missing,
    name_in,
    new_name,
    with_name,
    with_query,
)

IMAGE = f"sha256:{ID}"
DIGEST = "@sha256:" + "d" * 64
BUSYBOX = "docker.io/library/busybox"
ASKED = [OPERATIONS[name] for name in KINDS if name not in {"ImagePush", "DistributionInspect"}]
TEMPLATES = [operation for operation in OPERATIONS.values() if "{" in operation.path]

SECTIONS = {"containers", "images", "distribution", "networks", "volumes", "services", "pods", "exec", "tasks"}
SECTIONS |= {"secrets", "configs"}

by_object = for_each("operation", ASKED, ids=lambda operation: operation.name)

INSPECTS = {
    Kind.CONTAINER: ("ContainerInspect", "ContainerInspectLibpod"),
    Kind.IMAGE: ("ImageInspect", "ImageInspectLibpod"),
    Kind.NETWORK: ("NetworkInspect", "NetworkInspectLibpod"),
    Kind.VOLUME: ("VolumeInspect", "VolumeInspectLibpod"),
    Kind.SERVICE: ("ServiceInspect", ""),
    Kind.POD: ("", "PodInspectLibpod"),
    Kind.EXEC: ("ExecInspect", "ExecInspectLibpod"),
    Kind.TASK: ("TaskInspect", ""),
    Kind.SECRET: ("SecretInspect", "SecretInspectLibpod"),
    Kind.CONFIG: ("ConfigInspect", ""),
}


def ask(method: str, target: str) -> Lookup:
    """Return the lookup about the object of a request."""
    lookup = find_object(request_of(method, target))
    assert isinstance(lookup, Lookup)
    return lookup


def read(lookup: Lookup, answer: object, version: str = "") -> ResolvedObject | Lookup | None:
    return read_object(lookup, json.dumps(answer).encode(), version)


# The lookup


@by_object
@for_each("version", ["", "/v1.45"])
def test_a_lookup_is_the_inspection_of_that_very_name_under_the_same_version(
    operation: Operation, version: str
) -> None:
    target = f"{version}{path_of(operation, many='team/app:1')}?all=1"
    lookup = ask(operation.method, target)
    asked = request_of("GET", lookup.target)
    libpod = operation.section.startswith("libpod/")
    assert asked.operation is OPERATIONS[INSPECTS[lookup.kind][libpod]]
    assert asked.version == version.removeprefix("/")
    assert asked.query == ()
    name = "team/app:1" if lookup.kind is Kind.IMAGE else "web"
    assert name_in(asked.path, asked.operation) == lookup.name == name
    assert (lookup.operation, lookup.kind, lookup.acts_on) == (operation, KINDS[operation.name], "")


def test_every_operation_with_a_name_of_such_an_object_is_known() -> None:
    """Those that are not name what no condition speaks of, or a word that need not name anything."""
    named = {
        operation.name for operation in TEMPLATES if operation.path.removeprefix("/libpod").split("/")[1] in SECTIONS
    }
    assert named - KINDS.keys() == {"ImageResolveLibpod", "ImageScpLibpod"}
    assert named >= KINDS.keys()


@pytest.mark.parametrize("target", ["/_ping", "/nodes/web", "/libpod/images/scp/web", "/new/thing"])
def test_what_names_no_such_object_is_not_asked_for(target: str) -> None:
    assert find_object(request_of("POST" if "scp" in target else "GET", target)) is None


def test_every_kind_has_a_word_and_tables_speak_of_operations_that_exist() -> None:
    assert WORDS.keys() == set(Kind) - {Kind.ENGINE}
    assert KINDS.keys() >= REACHING.keys() | GIVING
    assert {parameter for parameters in REACHING.values() for parameter in parameters} > SWITCHES


@for_each(
    ("target", "found"),
    [
        ("/images/busybox/push?tag=1", ResolvedObject(BUSYBOX, (f"{BUSYBOX}:1",))),
        ("/images/busybox:1/push", ResolvedObject(f"{BUSYBOX}:1", (f"{BUSYBOX}:1",))),
        ("/images/a.b:5/x/push?tag=1", ResolvedObject("a.b:5/x", ("a.b:5/x:1",))),
        # All tags, two tags, and what is read by Podman only.
        *((f"/images/busybox{tags}", None) for tags in ("/push", "/push?tag=", ":1/push?tag=2", ":1/push?tag=")),
        *((f"/images/busybox/push?{query}", None) for query in ("TAG=1", "tag=1&Tag=2", "tag=1&tag=1", "tag=a:b")),
        (f"/images/busybox{DIGEST}/push", None),
        (f"/images/{ID}/push?tag=1", None),
        ("/images/Busybox/push?tag=1", None),
    ],
)
def test_a_push_sends_what_its_reference_says_or_nobody_knows(target: str, found: ResolvedObject | None) -> None:
    assert find_object(request_of("POST", target)) == found


@pytest.mark.parametrize(
    ("name", "reference"),
    [("busybox", f"{BUSYBOX}:latest"), ("busybox:1", f"{BUSYBOX}:1"), (f"a.b/x{DIGEST}", f"a.b/x{DIGEST}"), (ID, "")],
)
def test_an_image_in_a_registry_is_its_reference(name: str, reference: str) -> None:
    found = ResolvedObject(reference, (reference,)) if reference else None
    assert find_object(request_of("GET", f"/distribution/{name}/json")) == found


@pytest.mark.parametrize("name", ["busybox", "busybox:1"])
def test_which_image_of_a_registry_is_meant_is_not_certain_where_a_parameter_names_a_tag(name: str) -> None:
    assert find_object(request_of("GET", f"/distribution/{name}/json?tag=2")) is None


# What is not there


@by_object
def test_a_name_that_means_nothing_is_judged_by_itself(operation: Operation) -> None:
    lookup = ask(operation.method, path_of(operation, many="web"))
    names = () if lookup.kind in {Kind.EXEC, Kind.TASK} else ("web",)
    if lookup.kind is Kind.IMAGE:
        names = ("docker.io/library/web:latest",)
    assert missing(lookup) == ResolvedObject("web", names)


def test_an_exec_whose_container_is_gone_has_no_name() -> None:
    further = read(ask("GET", "/exec/e1/json"), {"ID": "e1", "ContainerID": ID})
    assert isinstance(further, Lookup)
    assert missing(further) == ResolvedObject(ID, ())


def test_a_name_that_no_image_can_have_is_judged_as_it_is() -> None:
    assert missing(ask("GET", f"/images/{ID}/json")) == ResolvedObject(ID, (ID,))


# Names in paths


@for_each("operation", TEMPLATES, ids=lambda operation: operation.name)
def test_the_name_in_a_path_is_found_and_replaced_and_nothing_else(operation: Operation) -> None:
    request = request_for(operation, "?web=web")
    many = "+}" in operation.path and operation.name != "ManifestPushLibpod"
    name = name_in(request.path, operation)
    assert name == ("team/app:1" if many else "team" if "+}" in operation.path else "web")
    renamed = with_name(request, operation, "NEW")
    assert renamed.path.replace("NEW", name, 1) == request.path
    assert renamed.query == request.query
    assert with_name(renamed, operation, name) == request


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        (ID, True),
        (IMAGE, True),
        (ID[:-1], False),
        (ID + "0", False),
        (ID.upper(), False),
        ("md5:" + ID, False),
        ("", False),
    ],
)
def test_a_full_id_has_all_its_digits(name: str, *, whole: bool) -> None:
    assert is_full_id(name) is whole


# Parameters


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", ()),
        ("tag=1", ("1",)),
        ("tag=1&tag=2", ("1", "2")),
        ("Tag=1", None),
        ("tag=1&TAG=1", None),
        ("ta%67=1", ("1",)),
    ],
)
def test_the_values_of_a_parameter_are_certain_if_its_name_has_one_spelling(
    query: str, values: tuple[str, ...] | None
) -> None:
    assert certain_values(request_of("GET", f"/_ping?{query}"), "tag") == values


@for_each(
    ("name", "tag", "reference"),
    [
        *(("x", "", "docker.io/library/x"), ("x", "1", "docker.io/library/x:1"), ("x:1", "", "docker.io/library/x:1")),
        *(("x", DIGEST[1:], f"docker.io/library/x{DIGEST}"), ("x:1", "1", "None"), (f"x{DIGEST}", "1", "None")),
        *(("x", "a:b", "None"), ("X", "", "None"), ("x", "-", "None")),
    ],
)
def test_a_tag_beside_a_reference_belongs_to_it(name: str, tag: str, reference: str) -> None:
    assert str(join_reference(name, tag)) == reference


def test_only_some_operations_give_a_name() -> None:
    assert new_name(request_of("POST", "/containers/a/rename?name=b")) == "b"
    assert new_name(request_of("POST", "/images/a/tag?repo=b&tag=1")) == "docker.io/library/b:1"
    assert new_name(request_of("POST", "/containers/a/start?name=b")) == ""
    assert new_name(request_of("POST", "/new/thing?name=b")) == ""


def test_parameters_go_on_with_other_values_in_their_places_or_not_at_all() -> None:
    request = request_of("POST", "/build?t=a&q=1&t=b&t=c")
    assert with_query(request, {"t": ("x", "y", "z"), "none": ("z",)}).target == "/build?t=x&q=1&t=y&t=z"
    assert with_query(request, {"t": ("x",), "q": ()}).target == "/build?t=x"
    assert with_query(request, {"t": (), "q": ()}).target == "/build"
