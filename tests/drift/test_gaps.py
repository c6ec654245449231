"""No table has lost an operation, a parameter or a field of those that were compared last."""

from collections import Counter

from drift.facts import Name, Route, find, read_names, read_routes
from drift.gaps import EXCUSED, EXCUSED_ROUTES, find_gaps, is_known
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES, SEALED
from dockerproxy.api.catalog import OPERATIONS, UNKNOWN
from dockerproxy.policy.objects import KINDS, REACHING

ROUTES, NAMES = read_routes(), read_names()

PERHAPS_REACHING = {"all", "depend", "force", "import", "latest", "names", "parent", "recursive", "whatrequires"}
REACHING_NO_FURTHER = {
    "ContainerDelete depend": "Podman looks at it in its own API only",
    "ContainerDelete force": "the container is stopped first",
    "ContainerDeleteLibpod force": "the container is stopped first",
    "ImageGet names": "Docker looks at it where the path has no name",
    "PodDeleteLibpod force": "the containers of the pod are stopped first",
    "SecretDeleteLibpod all": "Podman's documentation has it, and nothing looks at it",
    "VolumeDelete force": "a volume that is not there is no error",
}


def test_what_was_compared_is_in_the_tables() -> None:
    assert list(find_gaps(ROUTES, NAMES, NAMES)) == []


def test_enough_was_compared_to_mean_something() -> None:
    routes = Counter(route.engine for route in ROUTES)
    assert routes["docker"] > 100
    assert routes["podman"] > 190
    compared = {name.operation for name in NAMES}
    assert {name for name, body in BODIES.items() if body.parameters or body.is_read} <= compared
    assert compared <= set(OPERATIONS)


def test_nothing_is_kept_twice() -> None:
    assert max(Counter(name.key for name in NAMES).values()) == 1
    assert max(Counter(route.key for route in ROUTES).values()) == 1


def test_what_is_excused_was_seen_in_an_engine_and_is_in_no_table() -> None:
    judged = (name for name in NAMES if name.operation in BODIES or name.where == "answer")
    missing = {f"{name.operation} {name.field}" for name in judged if not is_known(name)}
    assert set(EXCUSED) <= missing
    unknown = {
        f"{route.engine} {route.method} {route.path}" for route in ROUTES if find(route.method, route.path) is UNKNOWN
    }
    assert set(EXCUSED_ROUTES) == unknown
    assert all((EXCUSED | EXCUSED_ROUTES).values())


def test_a_parameter_that_may_reach_further_than_the_named_object_is_known_to_do_so_or_not_to() -> None:
    found = {
        (name.operation, name.field)
        for name in NAMES
        if name.where == "query" and name.operation in KINDS.keys() - BODIES.keys() - SEALED.keys()
        if name.field.lower() in PERHAPS_REACHING
    }
    unknown = {f"{operation} {field}" for operation, field in found if field not in REACHING.get(operation, ())}
    assert unknown == set(REACHING_NO_FURTHER)


@for_each(
    ("where", "field", "known"),
    [
        ("body", "HostConfig.Umask", True),
        ("body", "hostconfig.UMASK", True),
        ("body", "HostConfig.Mounts[].VolumeOptions.Labels.*", True),
        ("body", "HostConfig.NewThing", False),
        ("answer", "Id", True),
        ("answer", "NewThing", False),
        ("query", "platform", True),
        ("query", "newthing", False),
    ],
)
def test_a_name_is_looked_for_in_the_table_of_its_operation(where: str, field: str, *, known: bool) -> None:
    name = Name(operation="ContainerCreate", where=where, field=field, first="1.99")
    assert is_known(name) is known
    shown = f"ContainerCreate {field}: in the {where}, in no table, in version 1.99"
    assert list(find_gaps([], [name], [])) == ([] if known else [shown])


def test_what_passes_with_its_operation_is_shown_until_it_is_kept() -> None:
    name = Name(operation="ContainerList", where="query", field="newthing", first="1.99")
    [gap] = find_gaps([], [name], NAMES)
    assert gap == "ContainerList newthing: in the query, passes with its operation, in version 1.99"
    assert list(find_gaps([], [name], [name])) == []


def test_an_operation_that_no_table_has_is_shown() -> None:
    route = Route(engine="docker", method="POST", path="/newthings/{id}/do", first="1.99")
    [gap] = find_gaps([route], [], [])
    assert gap == "docker POST /newthings/{id}/do: an operation that is in no table, in docker 1.99"
