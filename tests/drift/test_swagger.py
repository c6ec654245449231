"""A description of Docker's API is read whole: references, lists and maps of objects, headers, and several versions."""

from pathlib import Path

from drift.facts import Name, Route
from drift.swagger import read_swagger

OLD = """
swagger: "2.0"
info: {version: "1.9"}
definitions:
  Port: {type: object, properties: {HostIp: {type: string}}}
  Base: {properties: {Cmd: {type: array, items: {type: string}}}}
  Config:
    allOf:
      - $ref: "#/definitions/Base"
      - properties:
          Labels: {additionalProperties: {type: string}}
          Ports: {additionalProperties: {type: array, items: {$ref: "#/definitions/Port"}}}
          Self: {$ref: "#/definitions/Config"}
parameters:
  name: {in: query, name: name, type: string}
paths:
  /containers/create:
    post:
      parameters:
        - $ref: "#/parameters/name"
        - {in: header, name: X-Thing}
        - {in: body, name: body, schema: {$ref: "#/definitions/Config"}}
  /things/{id}:
    parameters: [{in: path, name: id}]
    get: {parameters: [{in: query, name: all}]}
"""
NEW = OLD.replace('"1.9"', '"1.10"').replace("{in: header", "{in: query, name: platform}\n        - {in: header")


def names_of(path: Path) -> set[tuple[str, str, str]]:
    return {(name.where, name.field, name.first) for name in read_swagger(path)[1] if "Self" not in name.field}


EXPECTED = {
    ("query", "name", "1.9"),
    ("header", "X-Thing", "1.9"),
    ("body", "Cmd[]", "1.9"),
    ("body", "Labels.*", "1.9"),
    ("body", "Ports.*[].HostIp", "1.9"),
}


def test_a_description_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "swagger.yaml"
    file.write_text(OLD)
    routes, names = read_swagger(file)
    assert routes == [
        Route(engine="docker", method="POST", path="/containers/create", first="1.9"),
        Route(engine="docker", method="GET", path="/things/{id}", first="1.9"),
    ]
    assert {name.operation for name in names} == {"ContainerCreate"}
    assert names_of(file) == EXPECTED
    assert Name(operation="ContainerCreate", where="body", field="Self.Self.Cmd[]", first="1.9") in names


def test_of_several_versions_the_first_counts(tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text(NEW)
    (tmp_path / "old.yaml").write_text(OLD)
    (tmp_path / "other.yaml").write_text("no: description\n")
    assert names_of(tmp_path) == EXPECTED | {("query", "platform", "1.10")}
