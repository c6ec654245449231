"""`can` shows who can do what in a table that fits a terminal, with the grants that give it."""

import json

from cli.files import policy_in
from cli.programs import run

POLICY = """\
sockets:
  a-socket-with-a-long-name:
    path: FOLDER/a.sock
    allow: [preset:traefik]
  ci:
    path: FOLDER/b.sock
    allow:
      - own
      - ContainerCreate: {binds: [/etc/cron.d]}
        ContainerExec: {containers: ["db-*"]}
        ExecStart: {containers: ["db-*"]}
  ping:
    path: FOLDER/c.sock
    allow: [preset:ping]
  new:
    path: FOLDER/d.sock
    mode: learn
"""


def test_the_table_fits_a_terminal_and_the_chains_follow() -> None:
    with policy_in(POLICY) as folder:
        done = run("can", "--policy", f"{folder}/policy.yaml")
    assert (done.status, done.err) == (0, "")
    table, meanings, *sockets = done.out.removesuffix("\n").split("\n\n")
    assert table.splitlines() == [
        "socket                root      commands  files     secrets   create    network",
        "a-socket-with-a-l...  no        no        no        yes       no        no",
        "ci                    yes       yes       yes       yes       yes       yes",
        "ping                  no        no        no        no        no        no",
        "new                   yes       yes       yes       yes       yes       yes",
    ]
    assert all(len(line) < 80 for line in table.splitlines())
    assert [line.split()[0] for line in meanings.splitlines()] == ["no", "yes"]
    assert [text.splitlines()[0] for text in sockets] == [
        "socket a-socket-with-a-long-name",
        "socket ci",
        "socket new",
    ]
    title, *links = sockets[1].splitlines()[1:4]
    assert title == "  root      yes   become root on the host"
    assert links[0].startswith(
        f"{' ' * 18}ContainerCreate (policy.yaml:9): its grants reach the engine's socket or files"
    )
    assert links[0].endswith(", if binds are /etc/cron.d")
    assert links[1].startswith(f"{' ' * 18}ContainerStart of own (policy.yaml:8): starts containers, if it was created")
    assert "  commands  yes   run commands in containers\n                  as root\n" in sockets[1]
    assert "mode: learn: does anything: no request is denied" in sockets[2]


def test_one_socket_can_be_chosen_and_read_by_programs() -> None:
    with policy_in(POLICY) as folder:
        done = run("can", "--policy", f"{folder}/policy.yaml", "--socket", "ci", "--json")
        (found,) = json.loads(done.out)["sockets"]
    assert (found["socket"], found["path"], found["mode"]) == ("ci", f"{folder}/b.sock", "enforce")
    root = found["can"]["root"]
    assert (root["extent"], root["reasons"]) == ("yes", [])
    assert [link["operation"] for link in root["chain"]] == ["ContainerCreate", "ContainerStart"]


def test_the_environment_is_one_socket_too() -> None:
    done = run("can", CONTAINERS="1", POST="1")
    assert "  root      yes   become root on the host\n" in done.out
    assert "ContainerCreate of CONTAINERS=1 POST=1: it can start" in done.out


def test_an_unknown_socket_is_a_mistake() -> None:
    with policy_in(POLICY) as folder:
        done = run("can", "--policy", f"{folder}/policy.yaml", "--socket", "cii")
    assert (done.status, done.out) == (2, "")
    assert "did you mean ci?" in done.err
