"""An image is made of what a registry or the client itself has, and runs nothing in the builds of others."""

import pytest
from policy.words.looking import faults, look
from rows import for_each

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


@for_each(
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


@pytest.mark.parametrize("change", ["CMD+sh", "ONBUILD+RUN+id", ""])
def test_an_import_has_no_changes(change: str) -> None:
    (fault,) = faults("ImageCreate", f"{IMPORT}&changes={change}", tags=("ci/base:*",))
    assert "not a known parameter" in fault
