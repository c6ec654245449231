"""Which operations a quota is about, and which it takes away because nobody can count what they make."""

import re

from policy.policies import request_for

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Decision
from dockerproxy.tenancy.quota import BUILDS, WORDS, Quota

ALL = Quota(dict.fromkeys(WORDS, 10), "ci")

_MAKES = re.compile("Create|Play|Build|Restore|Update|Install|Init|Load|Commit|Import|Apply")

_ADDS_NOTHING = {
    *("CheckpointCreate", "ConfigCreate", "ConfigUpdate", "SecretCreate", "SecretCreateLibpod", "SecretUpdate"),
    *("ImageCreate", "ImageCommit", "ImageCommitLibpod", "ImageImportLibpod", "ImageLoad", "ImageLoadLibpod"),
    *("LocalImagesLibpod", "ManifestCreateLibpod", "PluginCreate", "VolumeImportLibpod", "BuildCancel", "BuildPrune"),
    *("ContainerInitLibpod", "NetworkUpdateLibpod", "NodeUpdate", "SwarmInit", "SwarmUpdate", "VolumeUpdate"),
    *("KubeApplyLibpod", "KubePlayDownLibpod", "PlayKubeDownLibpod"),
}
"""They make nothing that is counted."""


def policy(quota: str, *lines: str) -> CompiledPolicy:
    allow = "".join(f"\n      - {line}" for line in lines)
    text = f"sockets:\n  ci:\n    path: /ci.sock\n    quota: {quota}\n    allow:\n      - own{allow}\n"
    return read_policy(text, "policy.yaml").sockets[0].policy


def test_each_operation_that_may_make_something_is_known_to_quotas() -> None:
    for name, operation in OPERATIONS.items():
        if operation.access == "write" and _MAKES.search(name):
            known = bool(ALL.for_operation(name).most) or ALL.evaded_by(name, is_open=True) != "" or name in BUILDS
            assert known is (name not in _ADDS_NOTHING), name


def test_what_nothing_counts_is_not_allowed_beside_a_quota() -> None:
    granted = policy("{containers: 3}", "ContainerCreate: {memory: 1GiB, pids: 5}", "NetworkCreate")
    decision = decide(granted, request_for(OPERATIONS["ServiceUpdate"]))
    assert isinstance(decision, Decision)
    assert not granted.allows("ServiceUpdate")
    assert "the quota of containers cannot count what it makes; to allow it, use another socket" in decision.message
    assert granted.allows("NetworkCreate")
    assert granted.allows("ServiceDelete")
    open_again = policy("{networks: 3}", "services:write")
    assert open_again.allows("ServiceCreate")


def test_without_a_quota_nothing_counts_and_nothing_is_asked_for() -> None:
    free = read_policy(
        "sockets: {a: {path: /a.sock, allow: [own, ContainerStop, NetworkDisconnect, NetworkCreate]}}", "policy.yaml"
    ).sockets[0]
    assert not any(map(free.policy.tenancy.counts, OPERATIONS))
    cases = free.policy.cases["NetworkDisconnect"] + free.policy.cases["ContainerStop"]
    assert [case.decision.about_object for case in cases] == [False, True, False, True]
