"""An update changes only the settings that it may."""

import pytest
from policy.claims.looking import faults

from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.constraints.changes import CONSTRAINT, group_of
from dockerproxy.policy.constraints.registry import READS
from dockerproxy.wire.document import Json

CHANGES: list[tuple[str, str, Json, str]] = [
    ("ContainerUpdate", "memory", {"Memory": 1}, ""),
    ("ContainerUpdate", "memory", {"MemorySwap": -1}, ""),
    ("ContainerUpdate", "memory", {"MemorySwappiness": 0}, ""),
    ("ContainerUpdate", "cpus", {"NanoCpus": 10**9}, ""),
    ("ContainerUpdate", "cpus", {"CpusetCpus": "0"}, ""),
    ("ContainerUpdate", "pids", {"PidsLimit": 0}, ""),
    ("ContainerUpdate", "restart", {"RestartPolicy": {"Name": "always"}}, ""),
    ("ContainerUpdate", "io", {"BlkioWeight": 10}, ""),
    ("ContainerUpdate", "limits", {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 1}]}, ""),
    ("ContainerUpdateLibpod", "memory", {"memory": {"limit": 0}}, ""),
    ("ContainerUpdateLibpod", "cpus", {"cpu": {"shares": 0}}, ""),
    ("ContainerUpdateLibpod", "pids", {"pids": {"limit": 0}}, ""),
    ("ContainerUpdateLibpod", "io", {"blockIO": {"weight": 0}}, ""),
    ("ContainerUpdateLibpod", "env", {"Env": ["a=b"]}, ""),
    ("ContainerUpdateLibpod", "health", {"health_cmd": ""}, ""),
    ("ContainerUpdateLibpod", "health", {"health_log_destination": ""}, ""),
    ("ContainerUpdateLibpod", "health", {"no_healthcheck": False}, ""),
    ("ContainerUpdateLibpod", "limits", {"r_limits": [{"type": "nofile"}]}, ""),
    ("ContainerUpdateLibpod", "restart", {}, "?restartPolicy="),
]


def problems(operation: str, content: Json, query: str, *granted: str) -> list[str]:
    return [each for each in faults(operation, query, content, None, changes=granted) if "a change of" in each]


@pytest.mark.parametrize(("operation", "group", "content", "query"), CHANGES)
def test_a_setting_is_changed_only_if_its_group_is_granted(
    operation: str, group: str, content: Json, query: str
) -> None:
    others = {"memory", "cpus", "pids", "restart", "io", "limits", "env", "health"} - {group}
    assert not problems(operation, content, query, group)
    assert f"a change of {group} that no rule allows" in problems(operation, content, query, *others)[0]
    assert problems(operation, content, query)
    assert not [each for each in faults(operation, query, content) if "a change of" in each]


def test_only_what_engines_leave_alone_is_no_change() -> None:
    said: Json = {
        **dict.fromkeys(("Memory", "MemorySwap", "NanoCpus", "CpuShares", "BlkioWeight", "KernelMemory"), 0),
        **dict.fromkeys(("PidsLimit", "MemorySwappiness", "Init", "OomKillDisable")),
        "CpusetCpus": "",
        "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
        "Ulimits": None,
    }
    assert not problems("ContainerUpdate", said, "")
    empty: Json = {"memory": {}, "cpu": {"shares": None}, "Env": [], "r_limits": None, "health_cmd": None}
    assert not problems("ContainerUpdateLibpod", empty, "")


@pytest.mark.parametrize("operation", ["ContainerUpdate", "ContainerUpdateLibpod"])
def test_each_field_of_an_update_belongs_to_a_group(operation: str) -> None:
    for field in BODIES[operation].fields:
        if field.rule not in {"unset", "absent", "part", "aside"}:
            group = group_of(field.path)
            assert not CONSTRAINT.fault(group)
            assert any(read.word == "changes" for read in READS[operation, field.path])


def test_what_was_left_to_a_table_is_still_denied() -> None:
    found = faults("ContainerUpdateLibpod", "", {"health_log_destination": "/etc"}, None, changes=("health",))
    assert any("directory of the host" in each for each in found)
    assert not faults("ContainerUpdateLibpod", "", {"health_log_destination": "local"}, None, changes=("health",))
