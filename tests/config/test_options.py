"""Grants that are typed mean what they mean in a policy file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.config.options import MARK, make_typed_policy, read_grants
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.model import Mode, Policy
from dockerproxy.policy.values import write_grant
from dockerproxy.problems import Problem
from dockerproxy.workbench.trying import Tried, try_request


def make(*allow: str, presets: tuple[str, ...] = ()) -> Policy:
    problems: list[Problem] = []
    lines = read_grants(allow, presets, problems)
    assert problems == []
    return make_typed_policy(lines, Mode.ENFORCE)


def complain(*allow: str, presets: tuple[str, ...] = ()) -> list[str]:
    problems: list[Problem] = []
    read_grants(allow, presets, problems)
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    "text",
    [
        "ContainerList",
        "containers:read",
        "preset:traefik",
        'ContainerLogs: {containers: ["db-*", web], follow: false}',
        "ContainerLogs:\n  containers: [web]",
        "ContainerDelete: {force: true}  # all of them",
    ],
)
def test_a_typed_grant_means_what_it_means_in_a_policy_file(text: str) -> None:
    item = text.replace("\n", "\n      ")
    (socket,) = read_policy(f"sockets:\n  a:\n    path: /a\n    allow:\n    - {item}\n", "p").sockets
    typed, written = make(text).grants, socket.policy.policy.grants
    assert [(each.operations, each.conditions) for each in typed] == [
        (each.operations, each.conditions) for each in written
    ]
    assert {str(each.source) for each in typed} == {f"{text.partition(': ')[0].partition(':' + chr(10))[0]} (--allow)"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "--allow '': the grant is empty\n    write it like --allow ContainerList"),
        (
            "ContainerLists",
            "--allow ContainerLists: unknown operation 'ContainerLists'\n    did you mean ContainerList?",
        ),
        ("[ContainerList]", "--allow '[ContainerList]': a grant must be a single value, but is a list"),
        ("[ContainerList", "--allow '[ContainerList': missing ] or comma in this list\n    add it"),
        ("ContainerList\n- ContainerLogs", "--allow 'ContainerList\n- ContainerLogs': "),
    ],
)
def test_a_mistake_is_said_with_the_option_that_it_is_in(text: str, said: str) -> None:
    (problem,) = complain(text)
    assert problem.startswith(said)
    assert complain("SystemInfo", text, "SystemPing") == [problem]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("$PWD", "/my work"), ("$PWD:ro", "/my work:ro"), ("${PWD}/a", "/my work/a"), ("$PWD/**:ro", "/my work/**:ro")],
)
def test_the_directory_is_what_a_shell_leaves_between_single_quotes(typed: str, meant: str) -> None:
    problems: list[Problem] = []
    read = read_grants([f'ContainerCreate: {{binds: ["{typed}"], labels: {{a: $PWD}}}}'], (), problems, "/my work")
    assert problems == []
    (grant,) = make_typed_policy(read, Mode.ENFORCE).grants
    assert [str(each) for each in grant.conditions] == [
        str(each) for each in make(f'ContainerCreate: {{binds: ["{meant}"], labels: {{a: $PWD}}}}').grants[0].conditions
    ]


@pytest.mark.parametrize("directory", ["", "/a*", "/a?", "/a:rw", "/a,b", "/a/../b", "a"])
def test_a_directory_whose_name_says_more_is_not_put_in(directory: str) -> None:
    problems: list[Problem] = []
    read_grants(["ContainerCreate: {binds: [$PWD, $PWDS]}"], (), problems, directory)
    assert [each.what for each in problems] == [f"'{name}' in binds can never match" for name in ("$PWD", "$PWDS")]


def test_a_quote_in_one_option_does_not_reach_into_the_next() -> None:
    assert len(complain('"ContainerList', 'ContainerLogs"')) == 2


def test_a_condition_that_another_option_makes_pointless_is_a_mistake() -> None:
    (problem,) = complain("ContainerLogs: {containers: [web]}", "ContainerLogs")
    narrow = "--allow 'ContainerLogs: {containers: [web]}'"
    assert problem.startswith(f"{narrow}: the conditions of ContainerLogs restrict nothing: ContainerLogs has none\n")


def test_images_are_bounded_as_in_a_policy_file() -> None:
    (problem,) = complain("own", "ImageCreate")
    assert problem.startswith("--allow ImageCreate: ImageCreate beside own must say which images may be pulled")
    for typed in (["ImageCreate"], ["own", "ImageCreate: {images: [nginx]}"], ["own", "ImageTag: {tags: [ci/app]}"]):
        assert complain(*typed) == []
    (problem,) = complain("ImageTag")
    assert problem.startswith("--allow ImageTag: ImageTag must say which names of images clients may give or remove")


def test_a_denial_says_what_to_type() -> None:
    deny = compile_policy(make("ContainerLogs: {containers: [web]}", presets=("ping",))).deny
    assert deny("SystemInfo").message == f"SystemInfo denied: no rule allows it; to allow it, add{MARK}SystemInfo"
    assert deny("ContainerLogs").message.endswith('; to allow it, widen its conditions in "--allow"')
    built = try_request(compile_policy(make("ImageBuild: {tags: [a/b]}")), "POST", "/build?t=a/c")
    assert isinstance(built, Tried)
    line = "ImageBuild: {tags: [a/b, docker.io/a/c:latest]}"
    assert built.decision.message.endswith(f'; to allow it, remove the "--allow" of ImageBuild and add{MARK}{line}')


@given(st.text(alphabet=st.sampled_from(list(MARK)), max_size=30), st.text(max_size=5))
def test_what_a_client_says_is_never_taken_for_the_proposed_grant(before: str, after: str) -> None:
    """Nothing that a grant lists looks like what stands before a grant."""
    assert MARK not in write_grant("ContainerCreate", {"binds": (f"{before}{MARK}{after}",)})
