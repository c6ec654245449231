"""What runs in a container is what a grant lists, as whom it says, and nothing else decides what that does."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from policy.words.transcripts import look_at

from dockerproxy.policy.values import Value
from dockerproxy.wire.document import Json


def faults(body: Json, operation: str = "ContainerCreate", query: str = "", **bounds: Value) -> list[str]:
    return list(map(str, look_at(operation, body, bounds, query).faults))


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


def test_any_command_is_one_where_the_grant_says_nothing() -> None:
    assert faults({"Cmd": ["sh"]}, "ContainerExec") == []
    assert faults({}, "ContainerExec", commands=(("sh",),)) == [
        "Cmd is missing, but must be a command that a rule allows"
    ]
    assert faults({"Cmd": ["sh"]}, "ContainerExec", commands=("sh",)) == [
        'Cmd is ["sh"], a command that no rule allows'
    ]
    (fault,) = look_at("ContainerExec", {"Cmd": ["sh", "-c"]}, {"commands": (("ls",),)}).faults
    assert fault.value == (("sh", "-c"),)


@pytest.mark.parametrize("operation", ["ContainerExec"])
@pytest.mark.parametrize("surroundings", [{"Env": ["PATH=/tmp"]}, {"Env": [""]}, {"WorkingDir": "/tmp"}])
def test_nothing_else_decides_what_a_granted_command_does(operation: str, surroundings: dict[str, Json]) -> None:
    body: dict[str, Json] = {"Cmd": ["safe"], **surroundings}
    assert faults(body, operation) == []
    (fault,) = look_at(operation, body, {"commands": (("safe",),)}).faults
    assert (fault.path, fault.word) == (next(iter(surroundings)), "commands")


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
    says = f'is "{program}", not allowed: Podman makes control groups writable for it'
    assert faults({"Cmd": [program]}) == [f"Cmd {says}"]
    assert faults({"Cmd": ["/bin/sh", "-c", program]}) == [f"Cmd {says}"]
    assert faults({"Entrypoint": ["/bin/sh", "-c"], "Cmd": [program]}) == [f"Cmd {says}"]


@pytest.mark.parametrize("program", ["systemd-run", "/init", "systemd/x", "x systemd", "[ -e x ]", "nullmailer"])
def test_a_program_that_is_only_like_it_may_run(program: str) -> None:
    assert faults({"Cmd": ["/bin/sh", "-c", program]}) == []


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ("1000", "but must have a group, like 1000:1000, or it may get root's"),
        ("0", "but must be a user and a group that are not root, by number, like 1000:1000"),
        ("1000:", "but must be a user and a group that are not root, by number, like 1000:1000"),
        ("\u0661", "but must be a user and a group that are not root, by number, like 1000:1000"),
    ],
)
def test_a_user_that_may_be_root_is_told_what_to_be(user: str, says: str) -> None:
    assert [fault.says for fault in look_at("ContainerCreate", {"User": user}, {"user": "not-root"}).faults] == [says]
