"""`diff --at-most` says that it is proven, or what is not proven and in which line."""

import pytest
from cli.files import policy_in, write
from cli.programs import Done, run, run_here

SOCKET = "sockets:\n  ci:\n    path: FOLDER/ci.sock\n"
ALLOW = f"{SOCKET}    allow:\n"
OLD = f"{ALLOW}      - preset:ping\n      - ContainerStart: {{containers: [web]}}\n      - ContainerList\n"


def compare(old: str, new: str) -> Done:
    with policy_in(old) as folder:
        write(folder / "new.yaml", new)
        done = run_here("diff", "--at-most", f"{folder}/policy.yaml", f"{folder}/new.yaml")
        return Done(done.status, done.out.replace(f"{folder}/", ""), done.err.replace(f"{folder}/", ""))


def test_what_allows_no_more_is_proven() -> None:
    done = compare(f"{OLD}  more:\n    path: /x.sock\n    allow: []\n", OLD.replace("      - ContainerList\n", ""))
    assert done.status == 0
    assert done.out == (
        "socket ci: proven\nsocket more: removed\n\nproven: new.yaml allows no request that policy.yaml does not\n"
    )


def test_what_allows_more_is_not_proven_with_its_line() -> None:
    done = compare(OLD, OLD.replace("[web]", '[web, "db-*"]') + "      - volumes:read\n")
    assert done.status == 3
    assert (
        done.out
        == """\
socket ci (new.yaml:3): not proven
  not proven  ContainerStart (new.yaml:6): ContainerStart: no old grant is known to cover it
  not proven  volumes:read (new.yaml:8): VolumeList, VolumeInspect: it was not allowed

2 not proven
"""
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "    limits: {body: 2MiB}\n", "limits: it may allow more than before"),
        ("    hide: [labels]\n", "", "hide: it may allow more than before"),
        ("", '    permissions: "0666"\n', "permissions: it may allow more than before"),
    ],
)
def test_a_setting_that_may_allow_more_is_not_proven(old: str, new: str, said: str) -> None:
    done = compare(SOCKET + old + "    allow: [ContainerList]\n", SOCKET + new + "    allow: [ContainerList]\n")
    assert done.status == 3
    assert done.out == (f"socket ci (new.yaml:3): not proven\n  not proven  {said}\n\n1 not proven\n")


def test_a_list_that_shows_more_is_not_proven_with_its_line() -> None:
    done = compare(f"{ALLOW}      - ContainerList: {{containers: [web]}}\n", f"{ALLOW}      - ContainerList\n")
    assert done.status == 3
    assert "  not proven  ContainerList (new.yaml:5): ContainerList: no old grant is known to cover it\n" in done.out


def test_a_new_socket_and_another_engine_are_not_proven() -> None:
    done = compare(
        OLD, f"engine: /run/e.sock\n{OLD}  more:\n    path: /x.sock\n    allow: [ContainerList, SystemInfo]\n"
    )
    assert done.status == 3
    assert done.out.startswith(
        "engine: not proven, it is /run/e.sock, was as the environment says\nsocket ci: proven\n"
    )
    assert "socket more (new.yaml:10): not proven\n  not proven  socket: it is new\n" in done.out


def test_a_mode_that_refuses_nothing_is_not_proven() -> None:
    done = compare(OLD, OLD.replace("    allow:\n", "    mode: report\n    allow:\n"))
    assert done.status == 3
    assert "  not proven  mode: it may allow more than before\n" in done.out


def test_mistakes_are_said_as_ever_and_a_log_is_for_something_else() -> None:
    missing, both = run("diff", "--at-most", "/no/old", "/no/new"), run("diff", "--at-most", "--log", "x", "old", "new")
    assert (missing.status, missing.out) == (both.status, both.out) == (2, "")
    assert missing.err.count("file not found") == len(("old", "new"))
