"""What was asked for in bodies is allowed by the narrowest words, or it is said why only everything would do."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observe.records import NOON, SOCKET, learn, lines_of, load, record_of, records, resume, settled

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.observe.record import Record
from dockerproxy.policy.model import values_of
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.wire.document import Json
from dockerproxy.workbench.learning import Learner

STRANGERS: dict[str, dict[str, Json]] = {
    "names": {},
    "images": {},
    "binds": {"Binds": ["/stranger:/s"]},
    "volumes": {"Binds": ["stranger:/s"]},
    "networks": {"NetworkMode": "stranger"},
    "joins": {"PidMode": "container:stranger"},
    "add_capabilities": {"CapAdd": ["SYS_BOOT"]},
    "publish": {"PortBindings": {"80/tcp": [{"HostPort": "999"}]}},
    "devices": {"Devices": [{"PathOnHost": "/dev/stranger", "PathInContainer": "/dev/x", "CgroupPermissions": "r"}]},
    "gpus": {"DeviceRequests": [{"Count": 99, "Capabilities": [["gpu"]]}]},
}
"""For each word what needs something that nobody else has."""


USB: dict[str, Json] = {"PathOnHost": "/dev/bus/usb/001/002", "PathInContainer": "/dev/x", "CgroupPermissions": "rw"}


def gpus(count: int) -> Json:
    return {"Count": count, "Capabilities": [["gpu"]]}


def create(name: str = "", image: str = "app:1", **host: Json) -> Record:
    """Return the record of a request for a container."""
    return record_of(f"POST /containers/create{name and f'?name={name}'}", body={"Image": image, "HostConfig": host})


@given(st.lists(records([OPERATIONS["ContainerCreate"]]), min_size=1, max_size=4))
def test_what_was_not_seen_in_a_body_is_refused(seen: list[Record]) -> None:
    policy = load(learn(*seen))
    grant = {word: value for each in policy.policy.grants for word, value in values_of(each.conditions).items()}
    for word, host in STRANGERS.items():
        if "unrestricted" in grant or (CONSTRAINTS[word].narrows and word not in grant):
            continue
        for record in seen:
            whole = json.loads(record.source)
            body = {**whole, "HostConfig": {**whole.get("HostConfig", {}), **host}}
            body |= {"Image": "stranger"} if word == "images" else {}
            line = f"{record.method} {record.target.partition('?')[0]}"
            line = f"{line}?name=stranger" if word == "names" else f"{record.method} {record.target}"
            assert not settled(policy, record_of(line, body=body)).allowed, (word, record)


ROOT = "# it lets clients become root on the host"


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (
            [create(Binds=["/srv/a:/a:ro", "data:/d"], PortBindings={"80/tcp": [{"HostPort": "80", "HostIp": "::1"}]})],
            [
                "# names: left out, since every request gave no name that a policy can list",
                "- ContainerCreate:",
                "images: [docker.io/library/app:1]",
                "binds: [/srv/a:ro]",
                "volumes: [data]",
                'publish: {ports: ["80"], addresses: ["::1"]}',
            ],
        ),
        (
            [
                create(Devices=[USB, {**USB, "PathOnHost": "/dev/fuse"}], DeviceRequests=[gpus(2)]),
                create(DeviceRequests=[gpus(1)]),
                create(DeviceRequests=[gpus(3)]),
            ],
            [
                "# names: left out, since every request gave no name that a policy can list",
                ROOT,
                "- ContainerCreate:",
                "images: [docker.io/library/app:1]",
                "devices: [/dev/bus/usb/001/002, /dev/fuse]",
                'gpus: "3"',
            ],
        ),
        (
            [
                record_of("POST /containers/web/exec", "web", body={"Cmd": ["ls", "/a*"]}),
                record_of("POST /containers/web/exec", "web", body={"Cmd": ["true"]}),
            ],
            [
                '# commands: * and ? stand for parts that programs generate, as in [ls, "/a*"]',
                '- ContainerExec: {commands: [[ls, "/a?"], ["true"]], containers: [web]}',
            ],
        ),
    ],
)
def test_what_was_seen_is_written_like_this(records: list[Record], expected: list[str]) -> None:
    assert lines_of(*records) == expected


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (
            [create(NetworkMode="ci", Privileged=True), create(Binds=["/srv/a:/a"]), create(PidMode="host")],
            [ROOT, "- ContainerCreate: unrestricted"],
        ),
        (
            [record_of("POST /swarm/init")],
            [ROOT, "- SwarmInit: unrestricted"],
        ),
        (
            [record_of("POST /containers/web/exec", "web")._replace(body=None)] * 2,
            [
                "# every request had a body that was not recorded;",
                "contained, as here, they may be denied",
                "- ContainerExec: {containers: [web]}",
            ],
        ),
    ],
)
def test_what_was_seen_is_explained_like_this(records: list[Record], expected: list[str]) -> None:
    assert " ".join(lines_of(*records)).replace(" #   ", " ") == " ".join(expected)


def test_a_file_of_a_version_that_knew_no_bodies_goes_on_as_contained() -> None:
    before = learn(create()).replace("- ContainerCreate:", "- ContainerCreate\n    #")
    text = "\n".join(line for line in before.splitlines() if not line.startswith("          "))
    learner = resume(text)
    learner.note(create("web", Binds=["/srv/a:/a"]), NOON)
    policy = load(learner.text())
    assert values_of(policy.policy.grants[0].conditions) == {"binds": ("/srv/a",)}
    assert "images: left out, since 1 of 2 requests came before a restart" in learner.text()


def test_what_was_unrestricted_before_a_restart_stays_so() -> None:
    learner = resume(learn(create(Privileged=True)))
    learner.note(create("web"), NOON)
    why = "# - ContainerCreate: learned before a restart (1 of 2 requests)\n"
    assert why in learner.text()
    assert settled(load(learner.text()), create(Privileged=True)).allowed


def test_reasons_without_end_are_not_all_kept() -> None:
    learner = Learner(SOCKET)
    for number in range(200):
        learner.note(create(Binds=[f"a:/{number}:rshared"]), NOON)
    (usage,) = learner._usages.values()
    assert len(usage._openings) <= 51
    text = " ".join(learner.text().split())
    assert "ContainerCreate: others (150 of 200 requests)" in text
    assert text.count("- ContainerCreate: ") == 5  # Three reasons, that there are others, and the grant.
    assert "ContainerCreate: other reasons" in text


def test_a_condition_without_which_a_body_is_refused_is_there_or_the_grant_is_open() -> None:
    learner = Learner(SOCKET)
    for name in map("".join, itertools.permutations("abcdef", 3)):
        learner.note(record_of(f"POST /networks/{name}/connect", name, body={"Container": "web"}), NOON)
    assert "NetworkConnect: networks: nothing can be listed (every request)" in learner.text()


PATHS = st.lists(st.sampled_from(["a", "b", "job-1f2e3d4c5b", "job-7a8b9c0d1e"]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
MOUNTS = st.tuples(PATHS, st.sampled_from([":/m", ":/m:ro"])).map("".join)


@given(st.lists(st.tuples(st.booleans(), st.lists(MOUNTS, max_size=3)), min_size=1, max_size=4))
def test_what_is_learned_loads_whatever_was_mounted(seen: list[tuple[bool, list[str]]]) -> None:
    """A bind that no policy may have beside others is named in a comment, and everything else is granted."""
    records = [
        create(Binds=binds)  # type: ignore[arg-type] # a list of strings is JSON
        if is_docker
        else record_of(
            "POST /v5.0.0/libpod/containers/create",
            body={
                "image": "app:1",
                "mounts": [
                    {
                        "type": "bind",
                        "source": bind.split(":")[0],
                        "destination": "/m",
                        "options": [bind.split(":")[2]] if bind.endswith(":ro") else [],
                    }
                    for bind in binds
                ],
            },
        )
        for is_docker, binds in seen
    ]
    text = learn(*records)
    policy = load(text)
    left_out = "is left out, because" in " ".join(text.split())
    assert left_out or all(settled(policy, record).allowed for record in records)


def test_a_bind_that_no_policy_may_have_is_named() -> None:
    text = learn(create(Binds=["/proc:/p:ro", "/proc/1/root:/c:ro", "/etc/localtime:/l:ro"]))
    assert "binds: [/etc/localtime:ro, /proc:ro]" in text.replace('"', "")
    said = " ".join(text.replace("#", "").replace('"', "").split())
    assert (
        "binds: /proc/1/root:ro is left out, because /proc/1/root lies below /proc/*/**, where processes may write: one"
        " can be made a link to any path of the host; mount /proc:ro"
    ) in said


def test_a_bind_below_a_writable_one_is_learned_and_named() -> None:
    """Only Docker 26 mounts it so that nothing but what was seen can be mounted."""
    text = learn(create(Binds=["/area:/w", "/area/cache:/c:ro", "/etc/localtime:/l:ro"]))
    assert "binds: [/area, /area/cache:ro, /etc/localtime:ro]" in text.replace('"', "")
    said = " ".join(text.replace("#", "").replace('"', "").split())
    assert "binds: below a writable directory, which needs Docker 26 and API 1.45: [/area/cache:ro]" in said
    assert "Docker 26" not in learn(create(Binds=["/area:/w", "/areal/cache:/c:ro"]))
    kept = learn(create(Binds=["/area:/w:ro", "/area/cache:/c"]))
    assert "binds: [/area/cache, /area:ro]" in kept.replace('"', "")
