"""Presets are listed, shown as they are written, and shown as what they allow."""

import re

import pytest
from cli.programs import run, run_here
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.config.presets import PRESETS, find_preset, read_preset_text
from dockerproxy.policy.differences import digest


def test_the_list_has_a_line_for_each_in_two_columns() -> None:
    done = run("presets")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [[name, find_preset(name).about] for name in PRESETS]
    assert len({len(line) - len(line.split(maxsplit=1)[1]) for line in lines}) == 1


@pytest.mark.parametrize("name", ["traefik", "preset:traefik"])
def test_one_is_shown_as_its_file_is(name: str) -> None:
    done = run("presets", "show", name)
    assert (done.status, done.err) == (0, "")
    assert done.out == read_preset_text("traefik")


@for_each("name", PRESETS)
def test_one_is_expanded_to_the_operations_it_allows(name: str) -> None:
    done = run_here("presets", "show", name, "--expanded")
    head, _, allow = done.out.partition("\n")
    assert (done.status, head) == (0, f"# preset:{name}: {find_preset(name).about}")
    expanded, named = (
        read_policy(f"sockets:\n  a:\n    path: /a\n{text}", "policy.yaml").sockets[0].policy
        for text in (re.sub("^", "    ", allow, flags=re.MULTILINE), f"    allow: [preset:{name}]")
    )
    assert digest(expanded) == digest(named)
    assert {line.split()[1].rstrip(":") for line in allow.splitlines()[1:]} - {"own"} == {
        name for grant in find_preset(name).grants for name in grant.operations
    }
    lines = [line for line in allow.splitlines()[1:] if not line.startswith("  - own ")]
    for line in lines:
        match = re.fullmatch(r"  [-#] (\w+)(?:: (?:unrestricted|\{.+\}))? +# (.+)", line)
        assert match is not None
        assert match[2] == OPERATIONS[match[1]].says


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("trafik", "did you mean traefik?"),
        ("Traefik", "did you mean traefik?"),
        ("Kind", "it has no preset: its nodes are privileged containers, so it is root on the host"),
        ("xyzzy", "`dockerproxy presets` lists them"),
    ],
)
def test_what_is_no_preset_is_told_what_may_be_meant(name: str, hint: str) -> None:
    done = run("presets", "show", name)
    assert (done.status, done.out) == (2, "")
    assert done.err == f"presets show: '{name}' is not a preset\n    {hint}\n"


def test_show_may_be_left_out() -> None:
    for words in (("traefik",), ("traefik", "--expanded"), ("trafik",), ("traefik", "another")):
        assert run("presets", *words) == run("presets", "show", *words)
    assert run("presets", "--expanded").status == run("presets", "show").status == 2
