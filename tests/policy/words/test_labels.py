"""No label or annotation is set upon which an engine acts, however it is spelled and wherever it stands."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.words.looking import faults
from policy.words.transcripts import look_at
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.words.labels import MOST_BYTES, acts
from dockerproxy.wire.document import Json

UNIT = "PODMAN_SYSTEMD_UNIT"
ACTED_UPON = [
    UNIT,
    "io.containers.autoupdate",
    "io.containers.autoupdate.authfile",
    "io.podman.annotations.seccomp",
    "org.systemd.property.DeviceAllow",
    "run.oci.seccomp_bpf_data",
]
ORDINARY = ["a", "org.opencontainers.image.source", "io.containers.capabilities", "io.buildah.version", "RUN", "größe"]


def test_what_engines_act_upon_is_known() -> None:
    assert all(map(acts, ACTED_UPON))
    assert not any(map(acts, ORDINARY))


@for_each(
    "labels", [{UNIT: "x"}, {f"{UNIT}=y": "x"}, [f"{UNIT}=x"], {"$A": "x"}, {"a": {}, "run.oci.x": 1}, "x", [1], 7]
)
def test_no_parameter_of_a_build_has_them(labels: Json) -> None:
    assert len(faults("ImageBuild", f"?labels={quote(json.dumps(labels))}")) == 1


@pytest.mark.parametrize("labels", ["", "null", "{}", "[]", '{"a": "$b"}'])
def test_a_build_may_have_labels(labels: str) -> None:
    assert faults("ImageBuild", f"?labels={quote(labels)}") == []


def test_labels_that_have_no_reading_are_none() -> None:
    assert len(faults("ImageBuild", "?labels={")) == 1


@given(
    st.dictionaries(st.sampled_from(["owner", "owner=", "owner=x", "a", "=", "a=owner"]), st.sampled_from(["", "ci"]))
)
def test_no_engine_takes_another_label_for_that_of_the_grant(labels: dict[str, str]) -> None:
    seen = look_at("ContainerCreate", {"Labels": dict(labels)}, {"labels": Pairs((("owner", "ci"),))})
    if seen.faults:
        return
    assert isinstance(seen.content, dict)
    sent = seen.content["Labels"]
    assert isinstance(sent, dict)
    assert sent == {**labels, "owner": "ci"}
    of_podman = [tuple(f"{name}={value}".split("=", 1)) for name, value in sent.items()]
    assert {value for name, value in of_podman if name == "owner"} == {"ci"}


@pytest.mark.parametrize("bounds", [{}, {"labels": Pairs((("owner", "ci"),))}])
def test_no_label_is_one_upon_which_an_engine_acts(bounds: dict[str, Value]) -> None:
    for name in ("PODMAN_SYSTEMD_UNIT", "PODMAN_SYSTEMD_UNIT=ssh.service", "io.containers.autoupdate.authfile"):
        labels: Json = {name: "x", "app": "PODMAN_SYSTEMD_UNIT"}
        (fault,) = look_at("ContainerCreate", {"Labels": labels}, bounds).faults
        assert fault.says == "not allowed: an engine, its runtime or this proxy acts on it"


def place(path: str, value: Json) -> Json:
    """A body that has a value at a path, in which `[]` is a list of one."""
    first, _, rest = path.partition(".")
    below = place(rest, value) if rest else value
    return {first.removesuffix("[]"): [below] if first.endswith("[]") else below}


WITH_LABELS = [
    (name, each.path.removesuffix(".*"))
    for name, body in sorted(BODIES.items())
    for each in body.fields
    if each.rule.removesuffix("!") in {"check_labels", "check_volume_labels"}
]


@for_each(("operation", "path"), WITH_LABELS)
@for_each("sign", ["x", "\N{EURO SIGN}"])
def test_labels_of_one_object_are_bounded(operation: str, path: str, sign: str) -> None:
    fits = (MOST_BYTES - 2) // len(sign.encode())
    for size, is_too_much in ((fits, False), (fits + 2, True)):
        found = look_at(operation, place(path, {"a": sign * (size // 2), "b": sign * (size - size // 2)})).faults
        says = [str(each) for each in found if "KiB" in str(each)]
        assert bool(says) is is_too_much
        assert all(each.endswith(" has more than 64 KiB of keys and values") for each in says)


def test_what_carries_labels_is_known() -> None:
    assert {operation for operation, _ in WITH_LABELS} >= {
        *("ContainerCreate", "NetworkCreate", "VolumeCreate", "ServiceCreate", "ServiceUpdate"),
        *("SecretCreate", "ConfigCreate"),
    }


@pytest.mark.parametrize("labels", [{"a": "x" * MOST_BYTES}, {"x" * MOST_BYTES: "a"}])
def test_labels_of_a_build_are_bounded(labels: Json) -> None:
    (fault,) = faults("ImageBuild", f"?labels={quote(json.dumps(labels))}")
    assert "has more than 64 KiB" in str(fault)
