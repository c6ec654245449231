"""`diff --at-most` says that it is proven, or shows a request, or says what is not proven and in which line."""

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


def test_what_allows_more_is_shown_by_a_request() -> None:
    done = compare(OLD, OLD.replace("[web]", '[web, "db-*"]') + "      - volumes:read\n")
    assert done.status == 1
    assert (
        done.out
        == """\
socket ci (new.yaml:3): allows more
  allow POST /containers/db-x/start
    given   the container db-x
    now     allowed by ContainerStart (new.yaml:6)
    before  ContainerStart denied: only allowed if the container is web
  allow GET /volumes
    now     allowed by volumes:read (new.yaml:8)
    before  VolumeList denied: no rule allows it
    also    VolumeInspect: not proven either

2 counterexamples
"""
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "    limits: {body: 2MiB}\n", "limits: body may be more than before"),
        ("    hide: [labels]\n", "", "hide: labels is shown"),
        ("", '    permissions: "0666"\n', "permissions: 0666, was 0660: more users may connect"),
    ],
)
def test_what_no_request_shows_is_not_proven(old: str, new: str, said: str) -> None:
    done = compare(SOCKET + old + "    allow: [ContainerList]\n", SOCKET + new + "    allow: [ContainerList]\n")
    assert done.status == 3
    assert done.out == (
        f"socket ci (new.yaml:3): not proven\n  not proven  {said}\n\n"
        "1 not proven, though no request was found that shows otherwise\n"
    )


def test_a_list_that_shows_more_is_not_proven_with_its_line() -> None:
    done = compare(f"{ALLOW}      - ContainerList: {{containers: [web]}}\n", f"{ALLOW}      - ContainerList\n")
    assert done.status == 3
    assert "  not proven  ContainerList (new.yaml:5): ContainerList: shows more\n" in done.out


def test_a_new_socket_is_shown_by_one_request_and_another_engine_is_not_proven() -> None:
    done = compare(
        OLD, f"engine: /run/e.sock\n{OLD}  more:\n    path: /x.sock\n    allow: [ContainerList, SystemInfo]\n"
    )
    assert done.status == 1
    assert done.out.startswith(
        "engine: not proven, it is /run/e.sock, was as the environment says\nsocket ci: proven\n"
    )
    assert "socket more (new.yaml:10): allows more\n  allow GET /containers/json\n" in done.out
    assert done.out.endswith("before  the socket does not exist\n\n1 counterexample, and 1 not proven\n")


def test_a_mode_that_refuses_nothing_is_shown() -> None:
    done = compare(OLD, OLD.replace("    allow:\n", "    mode: report\n    allow:\n"))
    assert done.status == 1
    assert "    now     not denied, since the mode is report\n" in done.out


def test_mistakes_are_said_as_ever_and_a_log_is_for_something_else() -> None:
    missing, both = run("diff", "--at-most", "/no/old", "/no/new"), run("diff", "--at-most", "--log", "x", "old", "new")
    assert (missing.status, missing.out) == (both.status, both.out) == (2, "")
    assert missing.err.count("file not found") == len(("old", "new"))
