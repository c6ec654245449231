"""An image is made of what a registry or the client itself has, and runs nothing in the builds of others."""

from urllib.parse import quote

import pytest
from policy.claims.looking import faults, look

IMPORT = "?fromSrc=-&repo=ci/base&tag=1"


@pytest.mark.parametrize(
    "query", ["?fromImage=nginx", "?fromImage=nginx&tag=1&platform=linux/arm64", "?fromImage=x&fromSrc="]
)
def test_an_image_is_pulled(query: str) -> None:
    assert faults("ImageCreate", query) == []


def test_an_image_is_imported_from_the_body_under_a_granted_name() -> None:
    assert faults("ImageCreate", IMPORT, tags=("ci/base:*",)) == []
    (fault,) = look("ImageCreate", IMPORT).faults
    assert (fault.path, fault.word, fault.value) == ("?repo", "tags", ("docker.io/ci/base:1",))


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("", "?fromImage is missing"),
        ("?fromImage=&fromSrc=", "?fromImage is missing"),
        (
            "?fromSrc=http://169.254.169.254/&repo=ci/base",
            '?fromSrc is "http://169.254.169.254/", not allowed: the engine fetches',
        ),
        ("?fromSrc=localhost:8080&repo=ci/base", '?fromSrc is "localhost:8080", not allowed: the engine fetches it'),
        # Docker pulls it, and so does Podman if it knows the one before the other.
        (
            "?fromSrc=-&fromImage=nginx&repo=ci/base",
            '?fromSrc is "-", not allowed: an image is either pulled or imported',
        ),
        ("?fromSrc=-", "?repo is missing, but must be a name that a rule allows by tags"),
        ("?FromSrc=-&fromImage=nginx", '?FromSrc is "-", not a known parameter'),
        ("?fromImage=nginx&fromImage=x", '?fromImage is "nginx x", a repeated parameter'),
    ],
)
def test_nothing_else_is_fetched_or_imported(query: str, fault: str) -> None:
    (found,) = faults("ImageCreate", query, tags=("ci/*",))
    assert found.startswith(fault)


@pytest.mark.parametrize(
    "change",
    [
        'CMD ["sh"]',
        "cmd sh",
        "  ENV A=b",
        "ENV\tA=b",
        "CMD=/bin/sh",
        "USER 1000",
        "VOLUME /data\nEXPOSE 80\r\n\nLABEL a=b",
        "HEALTHCHECK NONE",
    ],
)
def test_instructions_that_only_say_something_of_the_image_pass(change: str) -> None:
    assert faults("ImageCreate", f"{IMPORT}&changes={quote(change)}", tags=("ci/base:*",)) == []


@pytest.mark.parametrize(
    "change",
    [
        "ONBUILD RUN id",
        "onbuild RUN id",
        "ONBUILD=RUN id",
        "ENV A=b\nONBUILD RUN id",
        "ENV A=b\r\nONBUILD RUN id",
        # Two lines that are joined, so that the second is something else than it seems.
        "ENV A=b \\",
        "ENV A=b \\ ",
        "ENV A=b `",
        "# escape=`",
        "RUN id",
        "COPY a b",
        "\x0bONBUILD RUN id",
        "\ufeffONBUILD RUN id",
        "ENV\x0bA=b",
        # What Python takes for a blank, and engines do not.
        "\u3000",
        "ENV A=b\n\x1c",
        "\u00a0ONBUILD RUN id",
    ],
)
def test_no_instruction_makes_the_builds_of_others_run_something(change: str) -> None:
    for changes in (f"changes={quote(change)}", f"changes=CMD+sh&changes={quote(change)}&changes=CMD+sh"):
        assert len(faults("ImageCreate", f"{IMPORT}&{changes}", tags=("ci/base:*",))) == 1
