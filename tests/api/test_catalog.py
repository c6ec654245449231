"""The catalog lists what exists, once, and a path is found to mean what an engine would make of it."""

import re
from collections import Counter

import pytest
from api.paths import EVERY, METHODS, fits, path_of
from hypothesis import event, given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.api import catalog
from dockerproxy.api.catalog import (
    ENCODED_SLASH,
    HEALTH,
    OPERATIONS,
    SECTIONS,
    UNKNOWN,
    Access,
    Operation,
    Shape,
    find_operation,
    takes_slashes,
)
from dockerproxy.api.rows import list_rows, read_table

by_name = for_each("operation", EVERY, ids=lambda operation: operation.name)

WORDS = sorted({segment for operation in EVERY for segment in operation.path.split("/")[1:] if "{" not in segment})
PATHS = st.lists(st.sampled_from([*WORDS, *["web"] * 20]), min_size=1, max_size=6).map(
    lambda path: "/" + "/".join(path)
)


@st.composite
def near_paths(draw: st.DrawFn) -> str:
    """Generate paths near to an operation's: with names of one or several segments, some of them words of the API."""
    names = st.lists(st.sampled_from(WORDS) | st.just("web"), min_size=1, max_size=3).map("/".join)
    return path_of(draw(st.sampled_from(EVERY)), one=draw(names), many=draw(names))


def test_the_catalog_has_as_many_operations_as_were_counted_in_the_engines() -> None:
    podmans = [operation for operation in OPERATIONS.values() if operation.name.endswith("Libpod")]
    dockers = [operation for operation in OPERATIONS.values() if not operation.name.endswith("Libpod")]
    assert Counter(operation.method for operation in dockers) == {
        "GET": 45,
        "POST": 54,
        "DELETE": 10,
        "HEAD": 2,
        "PUT": 2,
    }
    assert len(podmans) == 137
    assert all((operation in podmans) is operation.path.startswith("/libpod/") for operation in OPERATIONS.values())


def test_every_line_of_the_tables_is_an_operation_of_its_own() -> None:
    rows = [*list_rows(read_table("docker")), *list_rows(read_table("libpod"))]
    assert len(rows) == len(OPERATIONS), "a name stands twice"
    assert len({(operation.method, operation.path) for operation in EVERY}) == len(EVERY)


def test_sections_stand_in_their_order() -> None:
    dockers = [section for section in SECTIONS if not section.startswith("libpod/")]
    podmans = [section for section in SECTIONS if section.startswith("libpod/")]
    assert list(SECTIONS) == sorted(dockers) + sorted(podmans)


def test_a_malformed_line_is_an_error_at_load_time() -> None:
    with pytest.raises(ValueError, match="GET /x"):
        catalog._read_row("GET /x")


@by_name
def test_an_operation_is_described_for_whoever_allows_it(operation: Operation) -> None:
    assert re.fullmatch(r"[^|\n]{10,70}(?<![. ])", operation.says)
    assert operation.body in {"-", "json", "tar", "raw", "any"}
    assert operation.section in (*SECTIONS, HEALTH.section)


@by_name
def test_what_becomes_a_tunnel_or_takes_a_body_counts_as_writing(operation: Operation) -> None:
    if operation.shape is Shape.TUNNEL or operation.body != "-" or operation.method in {"PUT", "DELETE"}:
        assert operation.access is Access.WRITE
    if operation.method == "HEAD":
        assert operation.access is Access.READ


@by_name
def test_an_operation_is_found_by_a_path_of_its_own_template(operation: Operation) -> None:
    for name in ("web", "a", "0123456789ab", "v1.45", "json.txt", "_x-y~z"):
        assert find_operation(operation.method, path_of(operation, one=name, many=name)) is operation


@by_name
def test_an_operation_is_found_with_no_other_method_unless_that_is_an_operation_too(operation: Operation) -> None:
    path = path_of(operation)
    listed = {other.method for other in EVERY if fits(other.path, path)}
    assert {method for method in METHODS if find_operation(method, path) is not UNKNOWN} == listed


@by_name
def test_a_parameter_is_one_segment_unless_it_names_an_image_a_plugin_or_the_like(operation: Operation) -> None:
    deep = path_of(operation, one="a/b", many="a/b")
    found = find_operation(operation.method, deep)
    if "+}" in operation.path:
        assert takes_slashes(operation)
        assert found is operation
    elif "{" in operation.path:
        assert not takes_slashes(operation)
        assert found is not operation


@by_name
def test_no_segment_may_be_missing_or_left_over(operation: Operation) -> None:
    path = path_of(operation)
    for near in (path + "/", path + "/more", path.rpartition("/")[0], path + "x", path[1:], path.upper()):
        if not any(fits(other.path, near) for other in EVERY if other.method == operation.method):
            assert find_operation(operation.method, near) is UNKNOWN


@given(st.sampled_from(METHODS), PATHS | near_paths())
def test_what_is_found_is_what_the_templates_say(method: str, path: str) -> None:
    found = find_operation(method, path)
    fitting = [operation for operation in EVERY if operation.method == method and fits(operation.path, path)]
    event(f"{len(fitting)} fit")
    if found is UNKNOWN:
        assert len(fitting) != 1
    else:
        assert found in fitting
        # No other one that fits is narrower: each covers every path that the one which was found covers.
        assert all(fits(other.path, found.path) for other in fitting)


@for_each(
    ("method", "path", "name"),
    [
        ("GET", "/containers/json", "ContainerList"),
        ("GET", "/containers/json/json", "ContainerInspect"),
        ("DELETE", "/containers/create", "ContainerDelete"),
        ("POST", "/containers/create/kill", "ContainerKill"),
        ("GET", "/images/get", "ImageGetAll"),
        ("GET", "/images/get/get", "ImageGet"),
        ("GET", "/images/a/history/get", "ImageGet"),
        ("DELETE", "/images/registry.example:5000/team/app", "ImageDelete"),
        ("GET", "/plugins/privileges", "GetPluginPrivileges"),
        ("DELETE", "/libpod/images/remove", "ImageDeleteAllLibpod"),
        ("POST", "/libpod/manifests/team/list", "ManifestCreateLibpod"),
        ("POST", "/libpod/manifests/team/list/registry/docker.io/team/list", "ManifestPushLibpod"),
        ("GET", "/libpod/generate/kube/systemd", "GenerateSystemdLibpod"),
        ("GET", "/_dockerproxy/health", "ProxyHealth"),
    ],
)
def test_a_literal_comes_before_a_parameter_and_the_narrower_template_before_the_wider(
    method: str, path: str, name: str
) -> None:
    found = find_operation(method, path)
    assert found is not None
    assert found.name == name


@for_each(
    ("method", "path"),
    [
        ("POST", "/libpod/images/scp/team/push"),  # ImageScpLibpod of `team/push`, or ImagePushLibpod of `scp/team`
        ("GET", "/debug/vars"),
        ("GET", "/debug/pprof/profile"),
        ("OPTIONS", "/containers/json"),
        ("get", "/containers/json"),
        ("GET", "/Containers/json"),
        ("GET", "/networks/"),
        ("HEAD", "/containers/json"),
        ("GET", "/containers/a/b/json"),
        ("GET", "/secrets/a/b"),
        ("GET", ""),
        ("GET", "/"),
        ("POST", "/libpod/containers/web/exec/start"),
        ("HEAD", "/_dockerproxy/health"),
        ("POST", "/_dockerproxy/health"),
    ],
)
def test_what_is_unknown_or_means_two_things_is_no_operation(method: str, path: str) -> None:
    assert find_operation(method, path) is UNKNOWN


def test_an_encoded_slash_is_part_of_a_name_that_takes_it_and_ends_every_other_segment() -> None:
    inspect = find_operation("GET", f"/images/team{ENCODED_SLASH}app/json")
    assert inspect is OPERATIONS["ImageInspect"]
    assert find_operation("GET", f"/containers/team{ENCODED_SLASH}app/json") is UNKNOWN
    assert find_operation("GET", f"/images/team{ENCODED_SLASH}json") is UNKNOWN
