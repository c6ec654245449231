"""What starts is what was granted, whoever prepared it."""

import pytest
from policy.policies import ID
from policy.words.looking import faults, look
from rows import for_each

from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.values import Value
from dockerproxy.wire.document import Json


def prepared(**config: object) -> ResolvedObject:
    """Return an exec as an engine shows it."""
    whole = {"entrypoint": "pg_dump", "arguments": ["-a"], "privileged": False, "tty": False, "user": "", **config}
    return ResolvedObject("e" * 64, ("web",), subject=ID, document={"id": "e" * 64, "processconfig": whole})


COMMANDS: Value = (("pg_dump", "**"),)


def test_an_ordinary_command_starts() -> None:
    contents: list[Json] = [{}, {"Detach": True}, {"Tty": True, "ConsoleSize": [24, 80]}, None]
    for content in contents:
        assert faults("ExecStart", "", content, prepared()) == []
    assert faults("ExecStart", "", {}, prepared(user="1000:1000"), user="not-root", commands=COMMANDS) == []
    assert faults("ExecStart", "", {}, prepared(arguments=None), commands=(("pg_dump",),)) == []


def test_a_command_that_another_client_prepared_with_privileges_does_not_start() -> None:
    assert faults("ExecStart", "", {}, prepared(privileged=True), user="any", commands=COMMANDS) == [
        "ProcessConfig.privileged is true, not allowed: the command has all capabilities, and can reach the host"
    ]


@pytest.mark.parametrize("config", [{"user": "root"}, {"user": "0"}, {"user": ""}, {"user": "1000:0"}])
def test_a_command_does_not_start_as_root_where_that_is_not_granted(config: dict[str, object]) -> None:
    assert len(faults("ExecStart", "", {}, prepared(**config), user="not-root")) == 1


@pytest.mark.parametrize("config", [{"entrypoint": "sh"}, {"entrypoint": "pg_dumpall"}, {"entrypoint": None}])
def test_another_command_does_not_start(config: dict[str, object]) -> None:
    assert len(faults("ExecStart", "", {}, prepared(**config), commands=COMMANDS)) == 1
    assert faults("ExecStart", "", {}, prepared(**config)) == []


def test_the_refusal_says_which_command_would_have_to_be_granted() -> None:
    (fault,) = look("ExecStart", content={}, found=prepared(entrypoint="sh"), bounds={"commands": COMMANDS}).faults
    assert (fault.word, fault.value) == ("commands", (("sh", "-a"),))


def test_of_a_command_that_is_not_there_nothing_is_known_to_be_granted() -> None:
    missing = ResolvedObject("e" * 64, ())
    assert faults("ExecStart", "", {}, missing) == []
    assert len(faults("ExecStart", "", {}, missing, commands=COMMANDS)) == 1


@for_each("query", ["", "?detachKeys=ctrl-a", "?checkpoint=&checkpoint-dir=", "?checkpoint=before-1.0"])
@for_each("version", ["", "/v1.12", "/v1.45"])
def test_a_container_starts(version: str, query: str) -> None:
    assert look("ContainerStart", query, target=f"{version}/containers/web/start").faults == ()


@pytest.mark.parametrize("query", ["?checkpoint-dir=/etc", "?checkpoint-dir=0", "?Checkpoint-Dir=/etc"])
def test_no_directory_of_the_host_is_a_checkpoint(query: str) -> None:
    assert len(faults("ContainerStart", query)) == 1
    assert len(faults("CheckpointDelete", query.replace("heckpoint-", "").replace("?c", "?").replace("?C", "?"))) == 1


@pytest.mark.parametrize("name", ["../../other/checkpoints/x", "..", "/etc", "a/b", ".x"])
def test_the_name_of_a_checkpoint_leads_nowhere(name: str) -> None:
    assert len(faults("ContainerStart", f"?checkpoint={name}")) == 1
    assert len(faults("CheckpointCreate", "", {"CheckpointID": name})) == 1


def test_a_checkpoint_is_made_in_no_directory_of_the_host() -> None:
    content: Json = {"CheckpointID": "before", "CheckpointDir": "", "Exit": True}
    assert faults("CheckpointCreate", "", content) == []
    assert len(faults("CheckpointCreate", "", {"CheckpointID": "before", "CheckpointDir": "/etc"})) == 1
    assert faults("CheckpointDelete") == []
