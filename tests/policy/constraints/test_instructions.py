"""A Dockerfile has only those instructions that it may."""

from urllib.parse import quote

import pytest
from policy.claims.dockerfile_readings import read_kept
from policy.claims.looking import faults
from policy.claims.sending import BUILD, passed_on, refusal_of
from wire.tars import archive_of, item

from dockerproxy.policy.claims.dockerfile_steps import Step
from dockerproxy.policy.claims.dockerfiles import find_reach
from dockerproxy.policy.constraints.instructions import CONSTRAINT

COPIES = ("FROM", "COPY", "LABEL")


def context(dockerfile: str, name: str = "Dockerfile") -> bytes:
    return archive_of(item(name, dockerfile.encode()))


def test_a_build_that_runs_nothing_is_granted() -> None:
    content = context("# comment\nFROM scratch AS base\nfrom scratch\nCOPY --from=base a \\\n  b\nlabel a=b\n")
    assert passed_on(BUILD, content, instructions=COPIES).entries
    assert passed_on(BUILD, context("FROM x\nRUN ls\n")).entries


@pytest.mark.parametrize(
    "step",
    [
        "RUN ls",
        "run ls",
        "rUn --mount=type=bind,target=/x ls",
        "  \tRUN ls",
        "RU\\\nN ls",
        "R\\\n# comment\nUN ls",
        "RUN <<EOF\nls\nEOF",
        "ONBUILD RUN ls",
        "onbuild run ls",
        "ADD https://evil.example/x /x",
        'SHELL ["/bin/sh"]',
        "UNKNOWN x",
        "\u0155un ls",
        "{a: 1}",
    ],
)
def test_an_instruction_is_seen_however_it_is_written(step: str) -> None:
    refusal = refusal_of(BUILD, context(f"FROM x\n{step}\n"), instructions=COPIES)
    assert "an instruction that no rule allows" in refusal
    assert refusal_of(BUILD, context(f"FROM x\n{step}"), instructions=COPIES)


def test_a_trigger_is_two_instructions() -> None:
    content = context("FROM x\nONBUILD COPY a b\n")
    assert "ONBUILD" in refusal_of(BUILD, content, instructions=COPIES)
    assert "COPY" in refusal_of(BUILD, content, instructions=("FROM", "ONBUILD"))
    assert passed_on(BUILD, content, instructions=(*COPIES, "ONBUILD")).entries


def test_each_dockerfile_that_engines_look_for_is_read() -> None:
    for name in ("Dockerfile", "dockerfile", "Containerfile"):
        assert "RUN" in refusal_of(BUILD, context("FROM x\nRUN ls\n", name), instructions=COPIES)
    other = ("POST", "/build?dockerfile=ci")
    assert "RUN" in refusal_of(other, context("FROM x\nRUN ls\n", "ci"), instructions=COPIES)


def test_what_would_allow_it_is_said() -> None:
    refusal = refusal_of(BUILD, context("FROM x\nRUN ls\n"), instructions=COPIES)
    assert refusal.endswith('; to allow it, add "ImageBuild: {instructions: [FROM, COPY, LABEL, RUN]}" to "allow"')


@pytest.mark.parametrize(
    "place",
    [
        ("ImageCreate", "?fromSrc=-&repo=app&"),
    ],
)
def test_changes_of_an_image_have_only_those_too(place: tuple[str, str]) -> None:
    operation, query = place

    def problems(change: str, *granted: str) -> list[str]:
        found = faults(operation, f"{query}changes={quote(change)}", None, None, instructions=granted)
        return [each for each in found if "an instruction that no rule allows" in each]

    assert not problems("LABEL a=b\nenv c=d", "LABEL", "ENV")
    assert not problems("LABEL=a", "LABEL")
    assert problems("CMD ls", "LABEL")
    assert problems("LABEL a=b\n \tCMD ls", "LABEL")


def test_engines_read_no_instruction_that_is_not_judged() -> None:
    read = set[str]()
    for content, given, told in read_kept():
        steps: list[Step] = []
        if not find_reach(content, given, steps) and not any(CONSTRAINT.fault(step.name) for step in steps):
            names = {step["name"] for reader in ("podman", "buildkit") for step in told[reader] or ()}
            named = {name for name in names if not CONSTRAINT.fault(name)}
            assert named <= {step.name for step in steps} | {"ONBUILD"}
            assert "ONBUILD" not in named or any(step.is_trigger for step in steps)
            read |= named
    assert {"RUN", "COPY", "FROM", "LABEL"} <= read
