"""A policy file is what it reads as, or every mistake in it is told.

The corpus holds broken files and, beside each, what is told of it. `python tests/config/test_policy_file.py` writes
that anew, to be read before it is believed.
"""

import contextlib
import itertools
import os
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import hint_of
from rows import for_each

from dockerproxy.api.bodies.tables import SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.document import compose
from dockerproxy.config.policy_file import NAME, PolicyFile, read_policy, read_policy_file
from dockerproxy.config.presets import PRESETS
from dockerproxy.policy.model import Mode
from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import DEFAULTS, SocketSettings

CORPUS = Path(__file__).parent.parent / "corpus" / "policy_files"
FILES = sorted(CORPUS.glob("*.yaml"))

WHOLE = """\
engine: /docker/docker.sock          # optional

sockets:
  traefik:
    path: /proxied/traefik.sock
    permissions: "0600"
    owner: 1000
    group: 999
    allow: [preset:traefik]

  backup:
    path: /proxied/backup.sock
    allow:
      - containers:read              # every read of a section
      - ContainerStart               # one operation, by Docker's own operationId
      - {ContainerExec: {containers: ["db-*"]}, ExecStart: {}}
    deny: [ContainerArchive, ContainerExport]

  new-thing:
    path: /proxied/new-thing.sock
    mode: report                     # enforce (default) | report | learn
    allow: [preset:read-only]
"""


def read(text: str) -> PolicyFile:
    return read_policy(text, "policies/policy.yaml")


def socket_of(keys: str) -> SocketSettings:
    """Return the only socket of a file, from its keys beside `path` and `allow`."""
    (socket,) = read(f"sockets: {{web: {{path: /proxied/web.sock, allow: [], {keys}}}}}").sockets
    return socket


def problems_of(text: str, file: str = "policies/policy.yaml") -> list[str]:
    with pytest.raises(UserError) as caught:
        read_policy(text, file)
    return [str(problem) for problem in caught.value.problems]


def told(file: Path) -> str:
    """Return what is told of a file of the corpus."""
    return "".join(f"{problem}\n" for problem in problems_of(file.read_bytes().decode(), file.name))


# What is read


def test_a_whole_file_is_read_as_it_is_written() -> None:
    file = read(WHOLE)
    assert file.engine == "/docker/docker.sock"
    assert [(socket.name, socket.path, socket.policy.mode) for socket in file.sockets] == [
        ("traefik", "/proxied/traefik.sock", Mode.ENFORCE),
        ("backup", "/proxied/backup.sock", Mode.ENFORCE),
        ("new-thing", "/proxied/new-thing.sock", Mode.REPORT),
    ]
    assert [(socket.permissions, socket.uid, socket.gid) for socket in file.sockets] == [
        (0o600, 1000, 999),
        (0o660, None, None),
        (0o660, None, None),
    ]
    assert {name: place.line for name, place in file.places.items()} == {"traefik": 5, "backup": 12, "new-thing": 20}


def test_sources_name_the_file_and_the_line() -> None:
    traefik, backup, _ = read(WHOLE).sockets
    assert traefik.policy.cases["ContainerList"][0].decision.source == "preset:traefik (policy.yaml:9)"
    assert backup.policy.cases["ContainerStart"][0].decision.source == "ContainerStart (policy.yaml:15)"
    assert backup.policy.deny("ContainerArchive").source == "deny ContainerArchive (policy.yaml:17)"


def test_a_refusal_says_which_line_would_allow_it() -> None:
    deny = read(WHOLE).sockets[1].policy.deny
    assert deny("ContainerRestart").message == (
        "ContainerRestart denied: no rule allows it; to allow it for every container if contained,"
        ' add "ContainerRestart" to "allow" of socket "backup"'
    )
    assert deny("ContainerArchive").message == (
        "ContainerArchive denied: a rule denies it;"
        ' to allow it, remove "ContainerArchive" from "deny" of socket "backup"'
    )
    assert ": only allowed if the container is db-*; to allow it, widen " in deny("ContainerExec").message


def test_a_hint_widens_what_is_there_before_it_adds_something_wider() -> None:
    allow = "allow: [{'containers:read': {containers: [web]}}]"
    (socket,) = read(f"sockets: {{web: {{path: /proxied/web.sock, {allow}}}}}").sockets
    hint = partial(hint_of, socket.policy.policy)
    assert hint("ContainerLogs") == (
        'to allow it, widen the conditions of "containers:read" in "allow" of socket "web"'
    )
    assert hint("SystemPingHead") == 'to allow it, add "preset:ping" to "allow" of socket "web"'


def test_a_hint_names_the_denial_as_it_is_written() -> None:
    hint = partial(hint_of, socket_of("deny: [containers:read, preset:traefik]").policy.policy)
    assert hint("ContainerLogs").startswith('to allow it, remove "containers:read" from "deny" of socket "web"')
    assert hint("ContainerList").startswith('to allow it, remove "containers:read" from "deny"')
    assert hint("SystemEvents").startswith('to allow it, remove "preset:traefik" from "deny"')


@pytest.mark.parametrize(
    ("written", "mode"), [("0660", 0o660), ('"0660"', 0o660), ('"660"', 0o660), ("0666", 0o666), ("'777'", 0o777)]
)
def test_permissions_are_octal_in_quotes_or_with_their_zero(written: str, mode: int) -> None:
    assert socket_of(f"permissions: {written}").permissions == mode


@pytest.mark.parametrize("written", ["660", "666", "777"])
def test_permissions_that_were_written_as_a_decimal_number_are_none(written: str) -> None:
    with pytest.raises(
        UserError, match=f'ambiguous permissions {written}: decimal or octal\n    write "0{written}" for octal'
    ):
        socket_of(f"permissions: {written}")


@for_each("quote", ["", "'"])
@for_each("mode", [0o600, 0o640, 0o644, 0o660, 0o666, 0o700, 0o770, 0o777])
def test_permissions_that_a_program_wrote_without_their_quotes_are_none(mode: int, quote: str) -> None:
    with pytest.raises(UserError, match=f'quote it, "0{mode:o}": YAML turns 0{mode:o} without quotes into {mode}'):
        socket_of(f"permissions: {quote}{mode}{quote}")


@pytest.mark.parametrize(("written", "number"), [("0", 0), ("1000", 1000), ('"1000"', 1000), ("4294967294", 2**32 - 2)])
def test_an_owner_is_a_number(written: str, number: int) -> None:
    assert socket_of(f"owner: {written}").uid == socket_of(f"group: {written}").gid == number


@pytest.mark.parametrize(
    ("written", "size"), [("4MiB", 4 * 2**20), ('"4MiB"', 4 * 2**20), ("65536", 65536), ("1GiB", 2**30)]
)
def test_the_size_of_a_body_may_have_a_unit(written: str, size: int) -> None:
    assert socket_of(f"limits: {{body: {written}}}").limits == DEFAULTS._replace(body=size)
    assert socket_of("mode: enforce").limits == DEFAULTS


def test_a_socket_has_the_limits_that_it_says_and_the_others_of_all() -> None:
    limits = DEFAULTS._replace(rate=7, streams=8)
    text = "sockets: {web: {path: /a, allow: [], limits: {streams: 9, header_timeout: 0.5}}, b: {path: /b, allow: []}}"
    web, other = read_policy(text, "policy.yaml", limits).sockets
    assert other.limits == limits
    assert web.limits == limits._replace(streams=9, header_timeout=0.5)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ("{rate: 0}", "'0' is not a whole number from 1 to 1000000"),
        ("{rate: 1.5}", "'1.5' is not a whole number from 1 to 1000000"),
        ("{header_timeout: 5s}", "'5s' is not a positive number of seconds"),
        ("{head: 4MB}", "'4MB' is not a valid size"),
        ("{speed: 1}", "unknown key 'speed' of limits"),
        ("[rate]", "limits"),
        ("", "limits"),
    ],
)
def test_what_is_no_limit_is_told(limits: str, says: str) -> None:
    (problem,) = problems_of(f"sockets: {{web: {{path: /a, allow: [], limits: {limits}}}}}")
    assert says in problem


@pytest.mark.parametrize("written", ["0", "-1", "1MB", "1.5MiB", "[1]", "", "1_000"])
def test_what_is_no_size_is_told(written: str) -> None:
    (problem,) = problems_of(f"sockets: {{web: {{path: /a, allow: [], limits: {{body: {written}}}}}}}")
    assert problem.startswith("policies/policy.yaml:1:")


def test_a_socket_name_is_no_template_of_messages() -> None:
    (problem,) = problems_of("sockets: {'w{eb': {path: /a, allow: [swarm:write]}}")
    assert "'w{eb' is not a valid socket name" in problem


def test_a_hint_says_how_far_a_grant_helps() -> None:
    hint = partial(hint_of, socket_of("mode: enforce").policy.policy)
    where = 'to "allow" of socket "web"'
    assert hint("ContainerList") == f'to allow it for every container, add "ContainerList" {where}'
    assert hint("ContainerCreate") == f'to allow it if contained, add "ContainerCreate" {where}'
    root = "let clients become root on the host"
    assert hint("SwarmInit") == f'to allow it and {root}, add "SwarmInit: unrestricted" {where}'


@pytest.mark.parametrize("beside", ["SystemInfo", "own"])
def test_each_line_that_a_hint_says_to_add_is_one_that_loads(beside: str) -> None:
    text = f"sockets:\n  web:\n    path: /a\n    allow:\n    - {beside}\n"
    hint = partial(hint_of, read(text).sockets[0].policy.policy)
    found = [re.fullmatch('.*, add "(.*)" to "allow".*', hint(name)) for name in OPERATIONS]
    for line in {each[1].replace("NAME", "web") for each in found if each}:
        assert read(f"{text}    - {line}\n").sockets, line


@pytest.mark.parametrize("mode", Mode)
def test_a_mode_is_one_word(mode: Mode) -> None:
    assert socket_of(f"mode: {mode}").policy.mode is mode
    assert socket_of("").policy.mode is Mode.ENFORCE


@for_each("name", ["no", "y", "on", "null", "1e3", "0x10", "007", "3.14", "a.b_c-d", "x" * 63])
def test_a_name_is_what_is_written_whatever_yaml_makes_of_it(name: str) -> None:
    for written in (name, f'"{name}"'):
        (socket,) = read(f"sockets:\n  {written}: {{path: /proxied/a.sock, allow: []}}").sockets
        assert socket.name == name


def test_anchors_share_what_several_sockets_need() -> None:
    file = read(
        "sockets:\n"
        "  a: {path: /proxied/a.sock, permissions: &mode 0600, allow: &reads [containers:read, preset:ping]}\n"
        "  b: {path: /proxied/b.sock, permissions: *mode, allow: *reads, deny: &no [ContainerArchive]}\n"
        "  c: {path: /proxied/c.sock, permissions: *mode, allow: *reads, deny: *no}\n"
    )
    a, b, c = file.sockets
    assert a.permissions == b.permissions == c.permissions == 0o600
    assert a.policy.policy.grants == b.policy.policy.grants == c.policy.policy.grants
    assert b.policy.policy.denials == c.policy.policy.denials
    assert not b.policy.allows("ContainerArchive")


def test_paths_are_compared_as_the_system_finds_them(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    text = f"sockets:\n  a: {{path: {tmp_path}/s, allow: []}}\n  b: {{path: {tmp_path}/link/s, allow: []}}\n"
    assert problems_of(text) == [
        f"policies/policy.yaml:3:13: '{tmp_path}/link/s' is the path of socket 'a' too\n    choose another path"
    ]
    (problem,) = problems_of(f"engine: {tmp_path}/s\nsockets: {{a: {{path: {tmp_path}/link/s, allow: []}}}}\n")
    assert "is the socket of the engine" in problem


def test_a_file_is_named_in_messages_as_the_operator_names_it(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(WHOLE)
    assert len(read_policy_file(str(path)).sockets) == 3
    path.write_text("sockets: 1")
    with pytest.raises(UserError, match=f"^{path}:1:10: sockets must be a mapping, but is a single value"):
        read_policy_file(str(path))
    with pytest.raises(UserError, match=f"^{path}/x: cannot be read"):
        read_policy_file(f"{path}/x")


# What is told of broken files


@for_each("file", FILES, ids=lambda file: file.stem)
def test_of_a_broken_file_every_mistake_is_told_as_it_is_written_down(file: Path) -> None:
    assert told(file) == file.with_suffix(".expected").read_text()


@for_each("file", FILES, ids=lambda file: file.stem)
def test_of_a_broken_file_either_parser_tells_the_same(file: Path) -> None:
    found: list[list[Problem]] = [[], []]
    compose(file.read_bytes().decode(), file.name, found[0], yaml.CSafeLoader)
    compose(file.read_bytes().decode(), file.name, found[1], yaml.SafeLoader)
    assert found[0] == found[1]


def test_every_file_of_the_corpus_has_its_counterpart() -> None:
    assert {path.stem for path in CORPUS.glob("*.expected")} == {path.stem for path in FILES}
    assert len(FILES) > 60


def test_so_many_mistakes_are_told_without_delay() -> None:
    words = ", ".join(f"Container{number:x}" for number in range(50_000))
    assert len(problems_of(f"sockets: {{a: {{path: /a, allow: [{words}]}}}}")) == 101


@pytest.mark.parametrize(
    ("allow", "deny"),
    [
        ("preset:ping, ContainerList, ", ""),
        ("ContainerLogs: {follow: false}, ", ""),
        ("ContainerCreate: unrestricted, containers:read, ", ""),
        ("ContainerStart, ", "ContainerStop, images:write, "),
    ],
)
def test_twice_as_many_lines_are_about_twice_the_work(allow: str, deny: str) -> None:
    few, many = (
        count_calls(read, f"sockets: {{a: {{path: /a, allow: [{allow * often}], deny: [{deny * often}]}}}}")
        for often in (200, 400)
    )
    assert many < 2.5 * few


def count_calls(function: Callable[[str], object], text: str) -> int:
    """Return how many functions are called, of Python and in C: a measure of work that no other process disturbs."""
    calls = itertools.count()

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        if event in {"call", "c_call"}:
            next(calls)

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function(text)
    finally:
        sys.setprofile(before)
    return next(calls)


# Properties

KEYS = {
    "path": "/proxied/a.sock",
    "permissions": "0600",
    "owner": "7",
    "group": "8",
    "mode": "report",
    "allow": "[ContainerList]",
    "deny": "[ContainerStart]",
}


@given(st.permutations(sorted(KEYS)))
def test_the_order_of_keys_says_nothing(keys: list[str]) -> None:
    (socket,) = read(f"sockets: {{a: {{{', '.join(f'{key}: {KEYS[key]}' for key in keys)}}}}}").sockets
    assert (socket.path, socket.permissions, socket.uid, socket.gid) == ("/proxied/a.sock", 0o600, 7, 8)
    assert socket.policy.mode is Mode.REPORT
    assert socket.policy.allows("ContainerList")


@given(st.text(st.characters(codec="utf-8"), max_size=70))
def test_any_name_is_a_sockets_or_is_told(name: str) -> None:
    text = yaml.safe_dump({"sockets": {name: {"path": "/a.sock", "allow": []}}}, allow_unicode=True, width=1000)
    try:
        (socket,) = read(text).sockets
    except UserError:
        assert not NAME.fullmatch(name)
    else:
        assert socket.name == name
        assert NAME.fullmatch(name)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.text(max_size=9) | st.sampled_from(["path", "allow", "deny", "mode", "ContainerLogs"]), inner
            )
        ),
    )
)
def test_any_document_is_read_or_told_and_nothing_else_is_raised(document: object) -> None:
    for whole in (document, {"sockets": document}, {"sockets": {"a": document}}):
        with contextlib.suppress(UserError):
            read(yaml.safe_dump(whole))


def test_fifty_sockets_with_two_thousand_grants_are_read_again_without_a_pause() -> None:
    names = [name for name in OPERATIONS if "List" not in name and name not in SEALED]
    lines = ["sockets:"]
    for number in range(50):
        lines += [f"  s{number}:", f"    path: /proxied/{number}.sock", "    allow:", f"      - preset:{PRESETS[0]}"]
        lines += [f"      - {name}" for name in names[:39] if name != "ImageBuild"]
    began = os.times()
    assert len(read("\n".join(lines)).sockets) == 50
    ended = os.times()
    assert ended.user - began.user < 1, "ten times what it takes where nothing else runs"


if __name__ == "__main__":
    for broken in FILES:
        broken.with_suffix(".expected").write_text(told(broken))
