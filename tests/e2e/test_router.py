"""What the proxy takes a request for is what a real engine does, however the request is spelled."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from api.paths import METHODS
from api.targets import near_targets, spelled
from e2e.calls import Calls
from e2e.spellings import Request, spell
from e2e.watching import NOTHING, Observed, Watched, counted_programs, number, watched_engine
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dockerproxy.api.catalog import OPERATIONS

pytestmark = pytest.mark.engine

# fmt: off
SINCE = {
    "dockerd": {"1.55": {"ImageAttestations"}},
    "podman": {
        "5.6.0": {
            "ArtifactAddLibpod", "ArtifactDeleteLibpod", "ArtifactExtractLibpod", "ArtifactInspectLibpod",
            "ArtifactListLibpod", "ArtifactPullLibpod", "ArtifactPushLibpod",
            "VolumeExportLibpod", "VolumeImportLibpod",
        },
        "5.7.0": {"ArtifactDeleteAllLibpod", "LocalBuildLibpod", "LocalImagesLibpod", "QuadletListLibpod"},
        "5.8.0": {
            "ArtifactLocalLibpod", "QuadletDeleteAllLibpod", "QuadletDeleteLibpod", "QuadletExistsLibpod",
            "QuadletFileLibpod", "QuadletInstallLibpod",
        },
    },
}
"""Operations that not every engine of today has, by the first version with them: of dockerd that of its API."""

NOT_PODMAN_S = {
    "configs", "distribution", "grpc", "nodes", "plugins", "services", "session", "swarm", "tasks",
    "BuildCancel", "BuildPrune", "CheckpointCreate", "CheckpointDelete", "CheckpointList", "ContainerAttachWebsocket",
    "ImageAttestations", "VolumeUpdate",
}
"""Docker's sections and operations that no Podman has."""
# fmt: on

OF_IMAGES = {"ImageGet": False, "ImageGetAll": True}
"""What dockerd does by one function. Whether the answer is well tells them apart: no images is what it gives if none is
named, and none of the names exists."""

SHARED = {"dockerd": [set(OF_IMAGES)], "podman": []}
"""Operations of one method and one function."""

NARROWER = {"ImageChangesLibpod"}
"""Podman knows them for names without a slash only, and has no route at all for others."""


@pytest.fixture(scope="module")
def programs() -> Iterator[Mapping[str, tuple[Path, Calls]]]:
    """The engines' programs, whose calls are counted."""
    with counted_programs() as programs:
        yield programs


@pytest.fixture(scope="module", params=["dockerd", "podman"])
def watched(request: pytest.FixtureRequest, programs: Mapping[str, tuple[Path, Calls]]) -> Iterator[Watched]:
    """Each of the engines in turn."""
    with watched_engine(request.param, *programs[request.param]) as watched:
        yield watched


def operations_of(watched: Watched) -> set[str]:
    """Return the operations that an engine of that name and version should have."""
    since = SINCE[watched.name].items()
    later = {name for version, names in since if watched.version < number(version) for name in names}
    return {
        name
        for name, operation in OPERATIONS.items()
        if name not in later
        and (watched.name == "podman" or not operation.section.startswith("libpod/"))
        and (watched.name == "dockerd" or not {name, operation.section} & NOT_PODMAN_S)
    }


def is_stray(watched: Watched, one: Observed) -> bool:
    """Whether the engine took a request for something else than the proxy did, or should not have got it."""
    expected = watched.route_of(one.operation, one.target) if one.decision == "allowed" else NOTHING
    if one.route != expected:
        return one.route != NOTHING or one.operation not in NARROWER
    if one.operation in OF_IMAGES and one.route != NOTHING and watched.name == "dockerd":
        return OF_IMAGES[one.operation] is not (one.status == 200)
    return False


def test_the_engine_has_the_operations_of_the_catalog_that_its_version_should_have(watched: Watched) -> None:
    assert {name for name in OPERATIONS if watched.has(name)} == operations_of(watched)


def test_which_operation_was_done_shows_in_the_method_and_the_function(watched: Watched) -> None:
    done_by = defaultdict(set)
    for (name, _), functions in watched.routes.items():
        assert len(functions) <= 1, name
        for function in functions:
            done_by[OPERATIONS[name].method, function].add(name)
    assert [names for names in done_by.values() if len(names) > 1] == SHARED[watched.name]


def test_however_a_request_is_spelled_the_engine_does_what_it_was_judged_to_be(watched: Watched) -> None:
    operations = operations_of(watched)
    seen = watched.observe(spell([operation for name, operation in OPERATIONS.items() if name in operations]))
    assert [one for one in seen if is_stray(watched, one)] == []
    done = Counter(one.operation for one in seen if one.route)
    assert done.total() > 2000
    assert min(done[name] for name in operations) >= 10


@cache
def spell_at_random() -> list[Request]:
    """Make requests, the same in every run and for each of the engines."""
    near = st.builds(Request, st.sampled_from(METHODS), near_targets())
    known = spelled().map(lambda spelling: Request(spelling[0].method, spelling[2]))
    made: list[Request] = []

    @settings(max_examples=2000, derandomize=True, database=None, phases=[Phase.generate])
    @given(near | known)
    def make(request: Request) -> None:
        made.append(request)

    make()
    return made


def test_what_is_spelled_at_random_is_done_as_it_was_judged(watched: Watched) -> None:
    seen = watched.observe(spell_at_random())
    assert [one for one in seen if is_stray(watched, one)] == []
    assert sum(one.route != NOTHING for one in seen) > 150
