"""A word that is no grant is told with what was meant, whatever somebody had in mind."""

import re

from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.advice import PROGRAMS, advise, advise_variable
from dockerproxy.config.groups import GROUPS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.config.presets import PRESETS as REAL_PRESETS
from dockerproxy.config.switches import ACTION_SWITCHES, PART_SWITCHES, SECTION_SWITCHES

PRESETS = ("ping", "read-only", "traefik")
LISTS = "see docs/operations.md and `dockerproxy presets`"


@for_each(
    ("word", "what", "hint"),
    [
        ("ContainerStrat", "operation", "did you mean ContainerStart?"),
        ("container_start", "operation", "did you mean ContainerStart?"),
        ("logs", "operation", "did you mean ContainerLogs or ServiceLogs or TaskLogs?"),
        ("xyzzy", "operation", LISTS),
        ("", "operation", LISTS),
        ("container:read", "grant", "did you mean containers:read?"),
        ("containers:READ", "grant", "did you mean containers:read?"),
        ("containers:rw", "grant", "did you mean containers:read or containers:write?"),
        ("libpod/pod:write", "grant", "did you mean libpod/pods:write?"),
        ("stuff:read", "grant", LISTS),
        ("containers", "operation", "did you mean containers:read or containers:write?"),
        ("image", "operation", "did you mean images:read or images:write?"),
        ("_ping", "operation", "did you mean _ping:read?"),
        ("ping", "operation", "did you mean ping:read?"),
        ("preset:trefik", "preset", "did you mean preset:traefik?"),
        ("preset:Traefik", "preset", "did you mean preset:traefik?"),
        ("preset:Promtail", "preset", "write preset:alloy, with the same requests"),
        ("preset:xyzzy", "preset", "run `dockerproxy presets` to list them"),
        ("preset:", "preset", "run `dockerproxy presets` to list them"),
        ("preset", "preset", "run `dockerproxy presets` to list them"),
        ("traefik", "operation", "did you mean preset:traefik?"),
        ("trefik", "operation", "did you mean preset:traefik?"),
        ("presets:traefik", "grant", "did you mean preset:traefik?"),
        ("*", "grant", "no word allows everything; name each section, like containers:read"),
        ("ALL", "grant", "no word allows everything; name each section, like containers:read"),
        ("containers:*", "grant", "patterns are unsupported here; name each operation or section"),
        ("POST=1", "grant", "write SECTION:write for each section"),
        ("CONTAINERS=1", "grant", "write containers:read or containers:write"),
        ("PING", "grant", "write ping:read"),
        ("ContainerStart, ContainerStop", "grant", "write them as items: [ContainerStart, ContainerStop]"),
        ("ContainerStop: {own: true}", "grant", "remove the quotes around it"),
        ("ContainerStart preset:ping", "grant", "write them as items: [ContainerStart, preset:ping]"),
        ("GET /containers/json", "grant", "write ContainerList"),
        ("/containers/json", "grant", "write ContainerList"),
        ("/containers/{id}", "grant", "write ContainerDelete"),
        ("POST /v1.45/containers/{id}/exec", "grant", "write ContainerExec"),
        ("GET /containers/:id/logs?follow=1", "grant", "write ContainerLogs"),
        (
            "/containers/x/archive",
            "grant",
            "write ContainerArchive or ContainerArchiveInfo or PutContainerArchive",
        ),
        ("GET /nowhere", "grant", "no operation has this path; write a name, like ContainerList"),
        ("POST /%zz", "grant", "no operation has this path; write a name, like ContainerList"),
    ],
)
def test_a_word_is_told_with_what_was_meant(word: str, what: str, hint: str) -> None:
    assert advise(word, PRESETS) == (f"unknown {what} {word!r}", hint)


@for_each("name", OPERATIONS)
def test_an_operation_is_found_by_its_method_and_path_as_the_documentation_writes_them(name: str) -> None:
    operation = OPERATIONS[name]
    assert advise(f"{operation.method} {operation.path.replace('+}', '}')}", ())[1] == f"write {name}"


@for_each("switch", [*SECTION_SWITCHES, *ACTION_SWITCHES, *PART_SWITCHES])
def test_every_switch_is_told_with_grants_that_exist(switch: str) -> None:
    for word in (switch, f"{switch}=1", f"{switch}=0"):
        what, hint = advise(word, PRESETS)
        assert what == f"unknown grant {word!r}"
        named = hint.removeprefix("write ").replace(" or ", ", ").split(", ")
        assert named
        assert all(name in OPERATIONS or GROUPS[name] for name in named)


@given(st.text(max_size=30) | st.from_regex(r"[A-Za-z/:*_ ]{1,30}", fullmatch=True))
def test_any_word_is_told_in_one_line_of_plain_signs(word: str) -> None:
    what, hint = advise(word, PRESETS)
    assert what.isascii()
    assert "\n" not in what + hint
    assert hint


@for_each(
    ("word", "hint"),
    [
        ("ContainerStrt", "did you mean ContainerStart?"),
        ("start", "did you mean ContainerRestart or ContainerStart or ExecStart?"),
        ("logs", "did you mean ContainerLogs or ServiceLogs or TaskLogs?"),
        ("ContainerLst", "did you mean ContainerList?"),
        ("containers", "did you mean the variable CONTAINERS?"),
        ("containers:read", "did you mean the variable CONTAINERS?"),
        ("ping", "did you mean the variable PING?"),
        ("libpod/pods", "did you mean the variable LIBPOD_PODS?"),
        ("ContainerStart ContainerStop", "put commas between them"),
        ("ContainerStart; ContainerStop", "put commas between them"),
        ("GET /containers/json", "write ContainerList"),
        (
            "preset:traefik",
            "only a policy file has presets; `dockerproxy presets show NAME --expanded` lists their operations",
        ),
        ("xyzzy", "docs/operations.md lists them"),
        ("", "docs/operations.md lists them"),
    ],
)
def test_a_word_of_a_variable_is_told_what_a_variable_can_have(word: str, hint: str) -> None:
    assert advise_variable(word) == hint


@for_each(("name", "hint"), PROGRAMS.items())
def test_what_is_written_for_a_program_without_a_preset_is_valid(name: str, hint: str) -> None:
    """Names are those that are compared, and neither presets nor near enough to one that is meant."""
    assert name not in REAL_PRESETS
    assert name == name.casefold()
    assert hint.startswith(("write ", "it has no preset: "))
    assert {*re.findall(r"preset:([\w-]+)", hint)} <= {*REAL_PRESETS}
    for allow in re.findall(r"write (\[.+?\])(?:,|$)", hint):
        assert read_policy(f"sockets: {{a: {{path: /a.sock, allow: {allow}}}}}", "policy.yaml").sockets
