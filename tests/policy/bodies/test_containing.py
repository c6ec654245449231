"""What keeps a container within its walls holds however it is spelled."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from policy.bodies.transcripts import look_at

from dockerproxy.policy.bodies.containing import capability_name, fits_command
from dockerproxy.policy.model import Pairs, Value
from dockerproxy.text import shorten_ids
from dockerproxy.wire.document import Json

BILLION = 10**9
AMOUNTS = st.integers(-3, 12) | st.sampled_from([2**62, -(2**63), 2**63 - 1])


def faults(body: Json, operation: str = "ContainerCreate", query: str = "", **bounds: Value) -> list[str]:
    return list(map(str, look_at(operation, body, bounds, query).faults))


@given(st.fixed_dictionaries({}, optional={"Memory": AMOUNTS, "MemorySwap": AMOUNTS}))
def test_memory_and_swap_are_bounded_together(limits: dict[str, Json]) -> None:
    if faults({"HostConfig": limits}, memory="5B") == []:
        memory, swap = limits.get("Memory"), limits.get("MemorySwap", 0)
        assert isinstance(memory, int)
        assert isinstance(swap, int)
        assert 0 < memory <= 5
        assert 0 <= swap <= 10  # 0 is twice the memory for Docker, and for Podman.


def cpus_of(limits: dict[str, int]) -> float | None:
    """Return the processors that an engine would give at most; None for any number."""
    nano, quota, period = (limits.get(name, 0) for name in ("NanoCpus", "CpuQuota", "CpuPeriod"))
    if nano > 0 and quota == 0:  # A quota takes its place, -1 too.
        microseconds = nano * 100_000 // BILLION  # Of a period: none is no bound.
        return microseconds / 100_000 or None
    return quota / (period or 100_000) if quota > 0 and period >= 0 else None


LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "NanoCpus": st.sampled_from([0, 1, 9_999, 10_000, BILLION, 2 * BILLION, 2 * BILLION + 1, -1]),
        "CpuQuota": st.sampled_from([0, -1, 1, 2000, 2001, 200_000, 200_001, 2**62]),
        "CpuPeriod": st.sampled_from([0, -1, 1, 1000, 100_000, 2**62]),
    },
)


@given(LIMITS)
def test_processors_are_bounded_in_either_way_to_say_it(limits: dict[str, int]) -> None:
    if faults({"HostConfig": dict(limits)}, cpus="2") == []:
        cpus = cpus_of(limits)
        assert cpus is not None
        assert cpus <= 2


@given(LIMITS, LIMITS)
def test_a_change_leaves_processors_bounded(before: dict[str, int], change: dict[str, int]) -> None:
    if faults({"HostConfig": dict(before)}, cpus="2") or faults(dict(change), "ContainerUpdate", cpus="2"):
        return
    after = before | {name: value for name, value in change.items() if value}
    if after.get("NanoCpus", 0) and (after.get("CpuQuota", 0) or after.get("CpuPeriod", 0)):
        return  # Engines refuse that.
    cpus = cpus_of(after)
    assert cpus is not None
    assert cpus <= 2


@given(st.fixed_dictionaries({}, optional={"Memory": AMOUNTS, "MemorySwap": AMOUNTS, "PidsLimit": AMOUNTS}))
def test_a_change_leaves_memory_and_processes_bounded(change: dict[str, Json]) -> None:
    if faults(dict(change), "ContainerUpdate", memory="5B", pids="5") == []:
        memory, swap, pids = (change.get(name, 0) for name in ("Memory", "MemorySwap", "PidsLimit"))
        assert isinstance(memory, int)
        assert isinstance(swap, int)
        assert 0 <= memory <= 5
        assert 0 <= swap <= 10
        assert "PidsLimit" not in change or pids in range(1, 6)


@pytest.mark.parametrize("word", ["memory", "cpus", "pids"])
@pytest.mark.parametrize("value", [True, "much"])
def test_an_amount_that_is_none_bounds_nothing(word: str, value: Value) -> None:
    bounds: dict[str, Value] = {word: value}
    assert look_at("ContainerCreate", {}, bounds).faults == ()
    assert look_at("ContainerUpdate", {"Memory": -1, "PidsLimit": 0, "CpuQuota": -1}, bounds).faults == ()


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


def test_labels_that_are_no_text_are_not_put_on() -> None:
    assert look_at("ContainerCreate", {}, {"labels": Pairs((("owner", ("a", "b")),))}).content == {}
    assert look_at("ContainerCreate", {}, {"labels": "owner"}).content == {}


@given(st.lists(st.text(max_size=4), max_size=5))
def test_no_variable_is_left_for_podman_to_look_up(variables: list[str]) -> None:
    seen = look_at("ContainerCreate", {"Env": list(variables)})
    assert seen.faults == ()
    assert isinstance(seen.content, dict)
    sent = seen.content["Env"]
    assert isinstance(sent, list)
    assert all("=" in str(text) for text in sent)
    assert [str(text).partition("=")[0] for text in sent] == [text.partition("=")[0] for text in variables]
    assert all(text == one for text, one in zip(sent, variables, strict=True) if "=" in one)


def test_a_name_is_demanded_by_the_grant_only() -> None:
    assert faults({}) == []
    assert faults({}, names=("ci-*",)) == ["?name is missing, and only granted names may be given"]
    assert faults({}, query="?name=/ci-1", names=("ci-*",)) == []


@pytest.mark.parametrize("operation", ["NetworkCreate", "VolumeCreate", "ServiceCreate", "PodCreateLibpod"])
def test_only_in_the_query_a_name_has_a_slash_in_front(operation: str) -> None:
    key = "name" if operation.endswith("Libpod") else "Name"
    assert faults({key: "ci-1"}, operation, names=("ci-*",)) == []
    assert faults({key: "/ci-1"}, operation) == [f'{key} is "/ci-1", which nothing can be called']


@pytest.mark.parametrize("operation", ["NetworkCreate", "ServiceCreate", "SecretCreate", "ConfigCreate"])
def test_nothing_that_a_swarm_knows_is_called_like_an_id_of_it(operation: str) -> None:
    name = "abcdefghijklmnopqrstuvwxy"
    assert faults({"Name": name}, operation) == [f'Name is "{name}", which could be the id of another one']
    assert faults({"Name": f"{name}z"}, operation) == faults({"Name": f"{name[1:]}-"}, operation) == []
    assert faults({}, query=f"?name={name}") == []


@pytest.mark.parametrize("length", [12, 13, 40, 63, 64])
def test_nothing_is_called_like_an_id(length: int) -> None:
    name = ("0123456789abcdef" * 4)[:length]
    assert faults({}, query=f"?name={name}", names=("**",)) == [
        f'?name is "{shorten_ids(name)}", which could be the id of another one'
    ]
    assert faults({}, query=f"?name={name[:11]}") == []
    assert faults({}, query=f"?name={name}g") == []


@pytest.mark.parametrize(
    "text", ["NET_BIND_SERVICE", "net_bind_service", "CAP_NET_BIND_SERVICE", "cap_net_bind_service"]
)
def test_a_capability_is_the_same_in_all_its_spellings(text: str) -> None:
    assert capability_name(text) == "NET_BIND_SERVICE"
    assert faults({"HostConfig": {"CapAdd": [text]}}, add_capabilities=("CAP_net_bind_service",)) == []


def test_what_is_granted_is_said_of_a_capability() -> None:
    (fault,) = look_at("ContainerCreate", {"HostConfig": {"CapAdd": ["cap_all"]}}).faults
    assert (fault.word, fault.value) == ("add_capabilities", ("ALL",))


@pytest.mark.parametrize(
    ("command", "words", "fits"),
    [
        (("ls",), ["ls"], True),
        (("ls",), ["ls", "-l"], False),
        (("ls", "**"), ["ls"], True),
        (("ls", "**"), ["ls", "-l", "/"], True),
        (("ls", "**"), ["rm"], False),
        (("ls", "*"), ["ls", "a/b"], False),
        (("ls", "**", "x"), ["ls", "a/b", "x"], True),
        (("ls", "**", "x"), ["ls", "a", "b", "x"], False),
        (("ls", "[a]"), ["ls", "[a]"], True),
        (("**",), [], True),
        ((), [], True),
        ((), ["ls"], False),
    ],
)
def test_a_command_fits_word_for_word(command: tuple[str, ...], words: list[str], fits: bool) -> None:  # noqa: FBT001
    assert fits_command(command, words) is fits


def test_any_command_is_one_where_the_grant_says_nothing() -> None:
    assert faults({"Cmd": ["sh"]}, "ContainerExec") == []
    assert faults({"Cmd": ["sh"]}, "ContainerExec", commands=("sh",)) == [
        'Cmd is ["sh"], which is none of the granted commands'
    ]
    (fault,) = look_at("ContainerExec", {"Cmd": ["sh", "-c"]}, {"commands": (("ls",),)}).faults
    assert fault.value == (("sh", "-c"),)


@pytest.mark.parametrize("operation", ["ContainerExec", "ContainerExecLibpod"])
@pytest.mark.parametrize("surroundings", [{"Env": ["PATH=/tmp"]}, {"Env": [""]}, {"WorkingDir": "/tmp"}])
def test_nothing_else_decides_what_a_granted_command_does(operation: str, surroundings: dict[str, Json]) -> None:
    body: dict[str, Json] = {"Cmd": ["safe"], **surroundings}
    assert faults(body, operation) == []
    (fault,) = look_at(operation, body, {"commands": (("safe",),)}).faults
    assert (fault.path, fault.word) == (next(iter(surroundings)), "")


HARMLESS = (
    "as core cpu data fsize locks memlock msgqueue nofile nproc rss sigpending stack NOFILE RLIMIT_NOFILE Rlimit_Core"
)
URGENT = "rtprio RTPRIO rttime nice Nice RLIMIT_RTPRIO rlimit_nice RLIMIT_RLIMIT_NICE x"


@pytest.mark.parametrize("name", [*HARMLESS.split(), *URGENT.split(), ""])
def test_no_limit_lets_a_process_go_before_all_others(name: str) -> None:
    service: Json = {"TaskTemplate": {"ContainerSpec": {"Ulimits": [{"Name": name, "Soft": 9, "Hard": 9}]}}}
    limits: Json = [{"Name": name, "Soft": 9, "Hard": 9}]
    of_podman: Json = {"r_limits": [{"type": name, "soft": 9, "hard": 9}]}
    passes = name in HARMLESS.split()
    assert (faults({"HostConfig": {"Ulimits": limits}}) == []) is passes
    assert (faults({"Ulimits": limits}, "ContainerUpdate") == []) is passes
    assert (faults(service, "ServiceCreate") == []) is passes
    assert (faults(of_podman, "ContainerCreateLibpod") == []) is passes
    assert (faults(of_podman, "ContainerUpdateLibpod") == []) is passes


@pytest.mark.parametrize("size", ["1", "10m", "1.5GB", "10 MiB", "0.5k"])
def test_a_log_is_bounded_by_a_size(size: str) -> None:
    assert faults({"HostConfig": {"LogConfig": {"Type": "local", "Config": {"max-size": size}}}}) == []


@pytest.mark.parametrize(
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
    assert "which is no size above 0" in fault


def entrypoint_for(words: list[str]) -> list[str] | None:
    """Return what Podman makes of the entrypoint in a body of Docker's API (`FillOutSpecGen`, of its version 2 to 6).

    One word is tried as JSON, more of them are written as JSON and read again.
    """
    if len(words) != 1:
        return words or None
    try:
        read = json.loads(words[0])
    except ValueError:
        return words
    if not isinstance(read, list):
        return None if read is None else words
    texts = [text if isinstance(text, str) else "" for text in read]  # Go fills in what it can before it fails.
    return texts if texts == read else [*texts, words[0]]


def base(path: str) -> str:
    """Do what `filepath.Base` of Go does."""
    stripped = path.rstrip("/")
    return stripped.split("/")[-1] if stripped else "/" if path else "."


def runs_systemd(entrypoint: list[str], command: list[str]) -> bool:
    """Whether Podman takes the program for one that manages a system (`createContainerOptions` in its specgen)."""
    words = [*(entrypoint if entrypoint != [""] else []), *command]
    inits = {"/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"}
    first = [words]  # Podman before 4.3 does not look behind a shell.
    if len(words) > 2 and words[:2] == ["/bin/sh", "-c"]:
        first.append(words[2:])
    return any(bool(each) and (each[0] in inits or base(each[0]) == "systemd") for each in first)


WORDS = st.sampled_from(
    [
        *("", "/bin/sh", "-c", "/sbin/init", "/usr/sbin/init", "/sbin/init/", "init", "sleep", "/", "["),
        *("systemd", "/x/systemd", "systemd/", "/x/systemd//", "evil #/systemd/", "systemd/x", "null", " null\n"),
        *('["/sbin/init"]', ' ["/bin/sh", "-c", "systemd"]', '["/sbin/init", 1]', '"systemd"', "[]"),
    ]
)
IMAGES = st.sampled_from([[], ["/bin/sh"], ["/bin/sh", "-c"]])


@given(st.lists(WORDS, max_size=4), st.lists(WORDS, max_size=4), IMAGES)
@example(entrypoint=["null"], command=["systemd"], of_image=["/bin/sh", "-c"])
@example(entrypoint=['["/sbin/init"]'], command=[], of_image=[])
@example(entrypoint=[], command=["/bin/sh", "-c", "evil #/systemd/"], of_image=[])
@example(entrypoint=[], command=["systemd/"], of_image=["/bin/sh", "-c"])
def test_no_program_that_is_named_has_control_groups_to_write(
    entrypoint: list[str], command: list[str], of_image: list[str]
) -> None:
    if faults({"Entrypoint": list(entrypoint), "Cmd": list(command)}) == []:
        read = entrypoint_for(entrypoint)
        assert not runs_systemd(of_image if read is None else read, command)


@pytest.mark.parametrize("program", ["/sbin/init", "/sbin/init/", "/x/systemd//", "systemd/", "evil #/systemd/"])
def test_a_program_is_known_by_its_last_element_behind_a_shell_too(program: str) -> None:
    says = f'is "{program}", for which Podman makes its control groups writable'
    assert faults({"Cmd": [program]}) == [f"Cmd {says}"]
    assert faults({"Cmd": ["/bin/sh", "-c", program]}) == [f"Cmd {says}"]
    assert faults({"Entrypoint": ["/bin/sh", "-c"], "Cmd": [program]}) == [f"Cmd {says}"]
    assert faults({"infra_command": ["/bin/sh", "-c", program]}, "PodCreateLibpod") == [f"infra_command {says}"]


@pytest.mark.parametrize("program", ["systemd-run", "/init", "systemd/x", "x systemd", "[ -e x ]", "nullmailer"])
def test_a_program_that_is_only_like_it_may_run(program: str) -> None:
    assert faults({"Cmd": ["/bin/sh", "-c", program]}) == []


def test_the_program_that_holds_a_pod_has_none_either() -> None:
    assert faults({"infra_command": ["/pause"]}, "PodCreateLibpod") == []
    assert faults({"infra_command": ["/sbin/init"]}, "PodCreateLibpod") == [
        'infra_command is "/sbin/init", for which Podman makes its control groups writable'
    ]


@pytest.mark.parametrize("operation", ["ContainerCreate", "ContainerCreateLibpod", "PodCreateLibpod"])
@pytest.mark.parametrize("bounds", [{}, {"labels": Pairs((("owner", "ci"),))}])
def test_no_label_is_one_upon_which_an_engine_acts(operation: str, bounds: dict[str, Value]) -> None:
    key = "labels" if operation.endswith("Libpod") else "Labels"
    for name in ("PODMAN_SYSTEMD_UNIT", "PODMAN_SYSTEMD_UNIT=ssh.service", "io.containers.autoupdate.authfile"):
        labels: Json = {name: "x", "app": "PODMAN_SYSTEMD_UNIT"}
        (fault,) = look_at(operation, {key: labels}, bounds).faults
        assert fault.says == "and an engine or its runtime acts on it"


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ("1000", "and without a group it may get root's group; write 1000:1000"),
        ("0", "and must be a user and a group that are not root, by their numbers, like 1000:1000"),
        ("1000:", "and must be a user and a group that are not root, by their numbers, like 1000:1000"),
        ("\u0661", "and must be a user and a group that are not root, by their numbers, like 1000:1000"),
    ],
)
def test_a_user_that_may_be_root_is_told_what_to_be(user: str, says: str) -> None:
    assert [fault.says for fault in look_at("ContainerCreate", {"User": user}, {"user": "not-root"}).faults] == [says]


@given(st.integers(-1000, 1000))
def test_nothing_is_killed_later_than_by_default(score: int) -> None:
    assert (faults({"HostConfig": {"OomScoreAdj": score}}) == []) is (score >= 0)
