"""A service has the fields of a container in its own spelling, under the same rules."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from api.bodies.files import tables_in
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES, Field, Node, Type
from dockerproxy.text import fold

SERVICES = tables_in("services")

CORPUS = sorted((Path(__file__).parents[2] / "corpus/bodies/services").glob("*.json"))

SPELLED = {
    "CapabilityAdd[]": "HostConfig.CapAdd",
    "CapabilityDrop[]": "HostConfig.CapDrop",
    "Dir": "WorkingDir",
    "Groups[]": "HostConfig.GroupAdd[]",
    "Hosts[]": "HostConfig.ExtraHosts[]",
    "Image": "Image",
    "Isolation": "HostConfig.Isolation",
    "Labels.*": "Labels.*",
    "OomScoreAdj": "HostConfig.OomScoreAdj",
    "Sysctls.*": "HostConfig.Sysctls.*",
    "Ulimits[].Hard": "HostConfig.Ulimits[].Hard",
    "User": "User",
}
"""What a service calls what a container calls otherwise, or elsewhere."""

OTHERWISE = {"Mounts[]"}
"""Held as for a container, and to what a swarm makes of it besides."""


def fields_of(name: str) -> dict[str, Field]:
    return {each.path: each for each in SERVICES[name].fields}


SERVICE = fields_of("ServiceCreate")
CONTAINER = {each.path: each for each in BODIES["ContainerCreate"].fields}


@for_each(("path", "of_container"), SPELLED.items())
def test_what_a_container_has_too_is_held_as_there(path: str, of_container: str) -> None:
    assert SERVICE[f"TaskTemplate.ContainerSpec.{path}"].rule == CONTAINER[of_container].rule


def test_mounts_are_those_of_a_container() -> None:
    before, after = "HostConfig.", "TaskTemplate.ContainerSpec."
    of_container = {path.removeprefix(before) for path in CONTAINER if path.startswith(f"{before}Mounts[]")}
    assert of_container == {path.removeprefix(after) for path in SERVICE if path.startswith(f"{after}Mounts[]")}
    for path in of_container - OTHERWISE:
        assert SERVICE[after + path].rule == CONTAINER[before + path].rule


@pytest.mark.parametrize("name", ["Service", "Secret", "Config"])
def test_an_update_is_held_to_all_that_a_creation_is_held_to(name: str) -> None:
    created, updated = fields_of(f"{name}Create"), fields_of(f"{name}Update")
    if name == "Service":  # What a service has already is sent to the registry of its image.
        credentials = "#X-Registry-Auth"
        created[credentials] = created[credentials]._replace(rule="check_kept_credentials!", words=("switched",))
    of_body = {path: each for path, each in updated.items() if path in created or each.rule != "aside"}
    assert {path: each for path, each in of_body.items() if path in created or not path.startswith("?")} == created


def test_both_places_of_networks_are_one_list() -> None:
    older = {path: each.rule for path, each in SERVICE.items() if path.startswith("Networks")}
    newer = {path: each.rule for path, each in SERVICE.items() if path.startswith("TaskTemplate.Networks")}
    assert older == {path.removeprefix("TaskTemplate."): how for path, how in newer.items()}


@for_each("path", [path for path in SERVICE if "PluginSpec" in path or "NetworkAttachment" in path])
def test_a_task_that_is_no_container_has_no_field_that_may_be_set(path: str) -> None:
    assert SERVICE[path].rule in {"unset", "part"}


def test_what_is_spelled_otherwise_in_the_specification_is_the_field_that_the_engine_reads() -> None:
    container = BODIES["ServiceCreate"].root.keys["tasktemplate"][1].keys["containerspec"][1]
    assert container.keys[fold("HealthCheck")][0] == "Healthcheck"


def unknown(node: Node, value: object, path: str = "") -> Iterator[str]:
    """Say what of a document no line of a table knows."""
    if isinstance(value, list) and node.item is not None:
        for item in value:
            yield from unknown(node.item, item, f"{path}[]")
    elif isinstance(value, dict) and node.type is Type.OBJECT:
        for key, item in value.items():
            name, below = node.keys.get(fold(key), ("", None))
            if below is None or name != key:
                yield f"{path}.{key}"
            else:
                yield from unknown(below, item, f"{path}.{key}")


@for_each("file", CORPUS, ids=lambda file: file.stem)
def test_all_that_dockers_command_line_says_is_known_in_its_spelling(file: Path) -> None:
    kind = "Secret" if "secret" in file.stem else "Config" if "config" in file.stem else "Service"
    operation = f"{kind}{'Update' if file.stem == 'update' else 'Create'}"
    assert list(unknown(BODIES[operation].root, json.loads(file.read_text()))) == []
