"""What an engine answers to a create says what was created."""

import json

import pytest
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.observe.record import CREATES, read_created

ID = "3f9a2b77c01d" * 5 + "4e5f"


@for_each(
    ("operation", "status", "answer", "created"),
    [
        ("ContainerCreate", 201, {"Id": ID, "Warnings": []}, ID),
        ("ContainerExec", 201, {"Id": ID}, ID),
        ("NetworkCreate", 201, {"Id": ID, "Warning": ""}, ID),
        ("ServiceCreate", 201, {"ID": ID[:25]}, ID[:25]),
        ("SecretCreate", 201, {"ID": ID[:25]}, ID[:25]),
        ("ConfigCreate", 201, {"ID": ID[:25]}, ID[:25]),
        ("VolumeCreate", 201, {"Name": "data", "Mountpoint": "/x"}, "data"),
        ("ContainerCreate", 404, {"message": "no such image"}, ""),
        ("ContainerCreate", 404, {"Id": ID}, ""),
        ("ContainerList", 200, [{"Id": ID}], ""),
        ("ContainerCreate", 201, [ID], ""),
        ("ContainerCreate", 201, {"Id": 7}, ""),
        ("ContainerCreate", 201, {"Id": "x" * 301}, ""),
        ("ContainerCreate", 201, {"Id": "\ud800"}, ""),
    ],
)
def test_the_id_is_read_from_answers_to_creates_and_from_no_others(
    operation: str, status: int, answer: object, created: str
) -> None:
    assert read_created(operation, status, json.dumps(answer).encode()) == created


@pytest.mark.parametrize("answer", [b"", b"\xff", b"[" * 100_000, b'{"Id"'])
def test_what_is_no_answer_says_nothing(answer: bytes) -> None:
    assert read_created("ContainerCreate", 201, answer) == ""


def test_every_create_is_an_operation() -> None:
    assert CREATES.keys() <= OPERATIONS.keys()
