"""A log is bounded, and goes nowhere but to a file."""

import pytest
from policy.words.transcripts import look_at
from rows import for_each

from dockerproxy.policy.values import Value
from dockerproxy.wire.document import Json


def faults(body: Json, operation: str = "ContainerCreate", query: str = "", **bounds: Value) -> list[str]:
    return list(map(str, look_at(operation, body, bounds, query).faults))


@pytest.mark.parametrize("size", ["1", "10m", "1.5GB", "10 MiB", "0.5k"])
def test_a_log_is_bounded_by_a_size(size: str) -> None:
    assert faults({"HostConfig": {"LogConfig": {"Type": "local", "Config": {"max-size": size}}}}) == []


@for_each(
    "size",
    [
        "",
        "-1",
        "0",
        "0.0m",
        "00",
        "m",
        "-1m",
        "+1",
        "1e9",
        "1\n",
        "9" * 16,
        "\u0661",
        "0.5",
        "0.9b",
        "0.0001k",
        "4611687t",
    ],
)
def test_what_is_no_size_bounds_no_log(size: str) -> None:
    (fault,) = faults({"HostConfig": {"LogConfig": {"Type": "local", "Config": {"max-size": size}}}})
    assert "not a valid size above 0" in fault


@pytest.mark.parametrize("name", ["syslog-address", "env", "Max-Size", "gelf-address", "tag"])
def test_no_option_makes_the_engine_connect_somewhere_or_read_files(name: str) -> None:
    (fault,) = faults({"HostConfig": {"LogConfig": {"Type": "local", "Config": {name: "x"}}}})
    assert "not allowed: it could make the engine connect somewhere or read files" in fault


@pytest.mark.parametrize("number", ["1", "3", "99", "100"])
def test_whether_the_files_of_a_log_are_small_is_the_client_s(number: str) -> None:
    config: Json = {"max-file": number, "compress": "true"}
    assert faults({"HostConfig": {"LogConfig": {"Type": "json-file", "Config": config}}}) == []


@for_each("number", ["", "0", "-1", "+1", "01", "101", "1000", "1\n", "\u0661", "2000000000"])
def test_a_log_has_few_files(number: str) -> None:
    (fault,) = faults({"HostConfig": {"LogConfig": {"Type": "local", "Config": {"max-file": number}}}})
    assert "not a number from 1 to 100" in fault
