"""A word that is no grant is told with what was meant, whatever somebody had in mind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.advice import advise
from dockerproxy.config.groups import GROUPS
from dockerproxy.config.switches import ACTION_SWITCHES, PART_SWITCHES, SECTION_SWITCHES

PRESETS = ("ping", "read-only", "traefik")
LISTS = "`dockerproxy operations` and `dockerproxy presets` list what there is"


@pytest.mark.parametrize(
    ("word", "what", "hint"),
    [
        ("ContainerStrat", "is not an operation", "did you mean ContainerStart?"),
        ("container_start", "is not an operation", "did you mean ContainerStart?"),
        ("logs", "is not an operation", "did you mean ContainerLogs or ServiceLogs or TaskLogs?"),
        ("xyzzy", "is not an operation", LISTS),
        ("", "is not an operation", LISTS),
        ("container:read", "is not a section with :read or :write", "did you mean containers:read?"),
        ("containers:READ", "is not a section with :read or :write", "did you mean containers:read?"),
        ("containers:rw", "is not a section with :read or :write", "did you mean containers:read or containers:write?"),
        ("libpod/pod:write", "is not a section with :read or :write", "did you mean libpod/pods:write?"),
        ("stuff:read", "is not a section with :read or :write", LISTS),
        ("containers", "is not an operation", "did you mean containers:read or containers:write?"),
        ("image", "is not an operation", "did you mean images:read or images:write?"),
        ("_ping", "is not an operation", "did you mean _ping:read?"),
        ("ping", "is not an operation", "did you mean ping:read?"),
        ("preset:trefik", "is not a preset", "did you mean preset:traefik?"),
        ("preset:Traefik", "is not a preset", "did you mean preset:traefik?"),
        ("preset:xyzzy", "is not a preset", "`dockerproxy presets` lists them"),
        ("preset:", "is not a preset", "`dockerproxy presets` lists them"),
        ("preset", "is not a preset", "`dockerproxy presets` lists them"),
        ("traefik", "is not an operation", "did you mean preset:traefik?"),
        ("trefik", "is not an operation", "did you mean preset:traefik?"),
        ("presets:traefik", "is not a section with :read or :write", "did you mean preset:traefik?"),
        ("*", "is not a grant", "no word opens everything; name each section, like containers:read"),
        ("ALL", "is not a grant", "no word opens everything; name each section, like containers:read"),
        ("containers:*", "is not a grant", "a grant is a whole word, without patterns"),
        ("POST=1", "is not a grant", "write SECTION:write, for each section of which it is meant"),
        ("CONTAINERS=1", "is not a grant", "write containers:read or containers:write"),
        ("PING", "is not a grant", "write ping:read"),
        ("ContainerStart, ContainerStop", "is not a grant", "make items of them: [ContainerStart, ContainerStop]"),
        ("ContainerStart preset:ping", "is not a grant", "make items of them: [ContainerStart, preset:ping]"),
        ("GET /containers/json", "is not a grant", "write ContainerList"),
        ("POST /v1.45/containers/{id}/exec", "is not a grant", "write ContainerExec"),
        ("GET /containers/:id/logs?follow=1", "is not a grant", "write ContainerLogs"),
        (
            "/containers/x/archive",
            "is not a grant",
            "write ContainerArchive or ContainerArchiveInfo or PutContainerArchive",
        ),
        ("GET /nowhere", "is not a grant", "no operation is there; write its name, like ContainerList"),
        ("POST /%zz", "is not a grant", "no operation is there; write its name, like ContainerList"),
    ],
)
def test_a_word_is_told_with_what_was_meant(word: str, what: str, hint: str) -> None:
    assert advise(word, PRESETS) == (f"{word!r} {what}", hint)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_found_by_its_method_and_path_as_the_documentation_writes_them(name: str) -> None:
    operation = OPERATIONS[name]
    assert advise(f"{operation.method} {operation.path.replace('+}', '}')}", ())[1] == f"write {name}"


@pytest.mark.parametrize("switch", [*SECTION_SWITCHES, *ACTION_SWITCHES, *PART_SWITCHES])
def test_every_switch_is_told_with_grants_that_exist(switch: str) -> None:
    for word in (switch, f"{switch}=1", f"{switch}=0"):
        what, hint = advise(word, PRESETS)
        assert what == f"{word!r} is not a grant"
        named = hint.removeprefix("write ").replace(" or ", ", ").split(", ")
        assert named
        assert all(name in OPERATIONS or GROUPS[name] for name in named)


@given(st.text(max_size=30) | st.from_regex(r"[A-Za-z/:*_ ]{1,30}", fullmatch=True))
def test_any_word_is_told_in_one_line_of_plain_signs(word: str) -> None:
    what, hint = advise(word, PRESETS)
    assert what.isascii()
    assert "\n" not in what + hint
    assert hint
