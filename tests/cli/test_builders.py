"""A program builds the classic way only where BuildKit cannot be had, and unless its user chose."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.programs import engine_at
from cli.running import run
from folders import short_folder
from rows import for_each

PRINTS = "print(os.environ.get('DOCKER_BUILDKIT', 'unset'))"
NAMES = 'ImageBuild: {tags: ["docker.io/library/job-*"]}'
WHOLE = "ImageBuild: unrestricted"
PODMAN, DOCKER = '"Podman Engine"', '"Engine"'


@pytest.fixture(params=[DOCKER, PODMAN])
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[str, Path]]:
    """What an engine says that it is, and a folder with it."""
    said = f'{{"Components":[{{"Name":{request.param}}}]}}'
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(said)}\r\n\r\n{said}".encode()
    with short_folder() as folder, engine_at(folder / "engine.sock", answer):
        yield request.param, folder


def test_buildkit_is_used_unless_the_engine_has_none(engine: tuple[str, Path]) -> None:
    name, folder = engine
    has_none = name == PODMAN
    for options in (("--allow", NAMES), ("--learn", "learned.yaml"), ("--preset", "ci", "--allow", NAMES)):
        done = run(folder, *options, code=PRINTS)
        assert done.out == ("0\n" if has_none else "unset\n"), options
        said = "dockerproxy: the program gets DOCKER_BUILDKIT=0, because Podman has no BuildKit\n"
        assert done.err.count(said) == has_none


@for_each("chosen", ["0", "1", ""])
def test_what_the_user_chose_stays(engine: tuple[str, Path], chosen: str) -> None:
    done = run(engine[1], "--allow", NAMES, code=PRINTS, DOCKER_BUILDKIT=chosen)
    assert (done.out, "DOCKER_BUILDKIT" in done.err) == (f"{chosen}\n", False)


def test_where_no_build_is_allowed_nothing_is_chosen(engine: tuple[str, Path]) -> None:
    done = run(engine[1], "--preset", "ci", code=PRINTS)
    assert (done.out, "DOCKER_BUILDKIT" in done.err) == ("unset\n", False)


def test_where_only_the_classic_builder_is_allowed_it_is_used(engine: tuple[str, Path]) -> None:
    done = run(engine[1], "--allow", WHOLE, code=PRINTS)
    assert done.out == "0\n"
    assert "DOCKER_BUILDKIT=0, because ImageBuild: unrestricted applies to the classic builder only\n" in done.err


def test_without_the_package_it_is_said_how_to_install_it(engine: tuple[str, Path], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'h2' else find(name, package)\n"
    )
    done = run(engine[1], "--allow", NAMES, code=PRINTS, PYTHONPATH=f"{tmp_path}:{':'.join(sys.path)}")
    assert done.out == "0\n"
    assert "because BuildKit needs the package h2: pip install 'dockerproxy[builds]'\n" in done.err
