"""An update changes only the settings that it may."""

import pytest
from policy.claims.looking import faults

from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.constraints.changes import CONSTRAINT, group_of
from dockerproxy.policy.constraints.registry import READS
from dockerproxy.wire.document import Json

CHANGES: list[tuple[str, Json]] = [
    ("memory", {"Memory": 1}),
    ("memory", {"MemorySwap": -1}),
    ("memory", {"MemorySwappiness": 0}),
    ("cpus", {"NanoCpus": 10**9}),
    ("cpus", {"CpusetCpus": "0"}),
    ("pids", {"PidsLimit": 0}),
    ("restart", {"RestartPolicy": {"Name": "always"}}),
    ("io", {"BlkioWeight": 10}),
    ("limits", {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 1}]}),
]


def problems(content: Json, *granted: str) -> list[str]:
    return [each for each in faults("ContainerUpdate", "", content, None, changes=granted) if "a change of" in each]


@pytest.mark.parametrize(("group", "content"), CHANGES)
def test_a_setting_is_changed_only_if_its_group_is_granted(group: str, content: Json) -> None:
    others = {"memory", "cpus", "pids", "restart", "io", "limits", "init"} - {group}
    assert not problems(content, group)
    assert f"a change of {group} that no rule allows" in problems(content, *others)[0]
    assert problems(content)
    assert not [each for each in faults("ContainerUpdate", "", content) if "a change of" in each]


def test_only_what_engines_leave_alone_is_no_change() -> None:
    said: Json = {
        **dict.fromkeys(("Memory", "MemorySwap", "NanoCpus", "CpuShares", "BlkioWeight", "KernelMemory"), 0),
        **dict.fromkeys(("PidsLimit", "MemorySwappiness", "Init", "OomKillDisable")),
        "CpusetCpus": "",
        "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
        "Ulimits": None,
    }
    assert not problems(said)


def test_each_field_of_an_update_belongs_to_a_group() -> None:
    for field in BODIES["ContainerUpdate"].fields:
        if field.rule not in {"unset", "absent", "part", "aside"}:
            group = group_of(field.path)
            assert not CONSTRAINT.fault(group)
            assert any(read.word == "changes" for read in READS["ContainerUpdate", field.path])
