"""Files are put only where nothing but the container's own can be changed: the archive passes with any names."""

from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import inspect
from policy.policies import request_for
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.claim import Known, Reading
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import TASK, Kind, ResolvedObject
from dockerproxy.policy.places import Places
from dockerproxy.policy.steps import PlanKind
from dockerproxy.policy.words.running import claim_fresh

ID = "c" * 64
VOLUMES: Final[Mapping[str, Mapping[str, object]]] = {
    "data": {"driver": "local", "options": None},
    "disguised": {"driver": "local", "options": {"type": "none", "o": "bind", "device": "/etc"}},
    "plugged": {"driver": "other", "options": None},
    "gone": {},
}
OWN_SOCKET = "/run/proxied/team.sock"


def put(*mounts: object, own_socket: str = "") -> list[str]:
    """Return what is wrong with an upload into a container that has mounts, as an engine shows them."""
    document = {"id": ID, "mounts": list(mounts)}
    found = ResolvedObject(ID, ("web",), subject=ID, document=document)
    volumes = {(Kind.VOLUME, name): ResolvedObject(name, (name,), document=said) for name, said in VOLUMES.items()}
    request = request_for(OPERATIONS["PutContainerArchive"], "?path=/tmp")
    known = Known(found=found, body=(None,), answers=volumes, places=Places(own_socket=own_socket))
    return list(map(str, inspect(BODIES["PutContainerArchive"], {}, request, known).faults))


def mounted(kind: str, destination: str = "/x", **more: object) -> dict[str, object]:
    return {"Type": kind, "Destination": destination, "RW": True, **more}


def test_files_are_put_where_all_that_is_mounted_is_the_containers_own() -> None:
    assert put() == []
    assert put(mounted("volume", Name="data"), mounted("tmpfs")) == []


def test_no_files_are_put_where_the_engine_does_not_say_what_is_mounted() -> None:
    """Docker up to 24 tells `Volumes` in its place under API versions below 1.20."""
    old = ResolvedObject(ID, ("web",), subject=ID, document={"id": ID, "volumes": {"/srv": "/srv"}})
    for found, told in ((old, 1), (ResolvedObject(ID, ("web",), subject=ID), 0)):
        known = Known(found=found, body=(None,))
        request = request_for(OPERATIONS["PutContainerArchive"], "?path=/tmp")
        assert len(inspect(BODIES["PutContainerArchive"], {}, request, known).faults) == told


def test_no_files_are_put_where_something_is_mounted_read_only() -> None:
    for kept in (mounted("volume", Name="data"), mounted("tmpfs"), mounted("bind", Source="/srv")):
        for flag in (False, None, "true", 1):
            (fault,) = put(mounted("tmpfs"), {**kept, "RW": flag})
            assert fault == 'Mounts[1] is "/x", read-only: an archive passes with any names, and could change it'


@for_each("kind", ["bind", "npipe", "cluster", "image", "glob", "devpts", "", "Volume"])
def test_no_files_are_put_where_a_directory_of_the_host_is_mounted(kind: str) -> None:
    says = "not a volume: an archive passes with any names, and could write to the host there"
    assert put(mounted(kind, Source="/srv/data")) == [f'Mounts[0] is "/x", {says}']


@pytest.mark.parametrize("name", ["disguised", "plugged", "gone"])
def test_no_files_are_put_where_a_volume_may_be_a_directory_of_the_host(name: str) -> None:
    (fault,) = put(mounted("volume", Name="data"), mounted("volume", Name=name))
    says = "a volume that may be a directory of the host, where an archive with any names could write"
    assert fault == f'Mounts[1] is "/x", {says}'


def test_the_own_socket_of_a_client_does_not_count() -> None:
    for flag in (True, False):
        mount = mounted("bind", "/var/run/docker.sock", Source=OWN_SOCKET, RW=flag)
        assert put(mount, own_socket=OWN_SOCKET) == []
        assert len(put(mount)) == len(put(mount, own_socket="/run/other.sock")) == 1
    assert len(put(mounted("bind", Source=""))) == 1
    assert len(put(mounted("bind"))) == 1


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=3), lambda each: st.lists(each, max_size=2)))
def test_a_mount_in_a_form_that_is_not_known_is_refused(mount: object) -> None:
    assert len(put(mount)) == 1


# While no process has the files open

FRESH: Final[Mapping[str, object]] = {"state": {"Status": "created"}, "hostconfig": {"Binds": None, "Mounts": None}}
MADE, NAMED = "a" * 64, "b" * 64
COPIES: Final = {"ContainerArchive": "?path=/tmp", "ContainerExport": "", "PutContainerArchive": "?path=/tmp"}


def copy(name: str, allow: str = "{own: true}", *, labels: Mapping[str, object] | None = None, **more: object) -> bool:
    """Return whether a grant lets files of the client's container be copied, of which an engine says more."""
    policy = read_policy(f"sockets: {{ci: {{path: /ci.sock, allow: [{name}: {allow}]}}}}", "policy.yaml")
    document = {"id": ID, "mounts": [], **FRESH, **more}
    found = ResolvedObject(ID, ("web",), subject=ID, belongs_to="ci", document=document, labels=labels or {})
    volumes = {
        (Kind.VOLUME, volume): ResolvedObject(volume, (volume,), document=VOLUMES["data"])
        for volume in (MADE, NAMED, "data")
    }
    known = Known(found=found, body=(None,), answers=volumes, places=Places(own_socket=OWN_SOCKET))
    decision = decide(policy.sockets[0].policy, request_for(OPERATIONS[name], COPIES[name]), known)
    assert isinstance(decision, Decision)
    assert decision.allowed or "running: true" in decision.message, decision.message
    assert not decision.allowed or (decision.plan is PlanKind.COPY_FILES) is (allow == "{own: true}")
    return decision.allowed


@pytest.mark.parametrize("name", COPIES)
def test_files_are_copied_only_where_no_process_has_them_open(name: str) -> None:
    made, tmpfs = mounted("volume", Name=MADE), mounted("tmpfs")
    socket = mounted("bind", Source=OWN_SOCKET)
    assert copy(name, mounts=[made, tmpfs, socket])
    for status in ("running", "exited", "dead", "paused", "restarting", "initialized", "Created", "", None):
        assert not copy(name, state={"Status": status})
        assert copy(name, "{own: true, running: true}", state={"Status": status})
        assert copy(name, "{containers: [web]}", state={"Status": status})
    assert not copy(name, state=None)
    assert not copy(name, labels={TASK: "t1"})


@pytest.mark.parametrize("name", COPIES)
def test_no_files_are_copied_where_another_container_may_write(name: str) -> None:
    packs_no_mounts = name == "ContainerExport"
    made = [mounted("volume", Name=MADE)]
    for host in (
        {"Binds": [f"{MADE}:/x"]},
        {"Binds": [f"{MADE}:/x:ro"]},
        {"Mounts": [{"Type": "volume", "Source": MADE, "Target": "/x"}]},
        {"VolumesFrom": ["other"]},
        {},
        None,
    ):
        assert copy(name, mounts=made, hostconfig=host) is packs_no_mounts
    for mount in (mounted("volume", Name="data"), mounted("volume", Name=MADE[:-1]), mounted("volume")):
        assert copy(name, mounts=[mount]) is packs_no_mounts
        assert copy(name, "{own: true, running: true}", mounts=[mounted("volume", Name="data")])
    if name == "ContainerArchive":
        others: tuple[object, ...] = (mounted("bind", Source="/srv"), mounted("image"), mounted("cluster"), None, "x")
        for each in others:
            assert not copy(name, mounts=[each])
    told = {"id": ID, **FRESH}
    reading = Reading(request=request_for(OPERATIONS[name], COPIES[name]), answers={})
    claim_fresh(reading, ResolvedObject(ID, ("web",), subject=ID, document=told))  # Under an old version of the API.
    assert bool(reading.claims) is not packs_no_mounts
