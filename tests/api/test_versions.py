"""A version of the API is read as an engine reads it, or is none."""

from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.api.catalog import UNKNOWN
from dockerproxy.api.request import CanonicalRequest, canonicalise, exists, read_version


@given(st.integers(0, 9999))
def test_dockers_versions_have_two_numbers(minor: int) -> None:
    assert exists(f"v1.{minor}", libpod=False)
    assert read_version(f"v1.{minor}") == (1, minor, 0)


@given(st.lists(st.integers(0, 9999), min_size=1, max_size=3))
def test_podmans_versions_have_up_to_three_numbers(numbers: list[int]) -> None:
    prefix = "v" + ".".join(map(str, numbers))
    assert exists(prefix, libpod=True)
    assert read_version(prefix) == (*numbers, 0, 0)[:3]


@for_each(
    "prefix",
    [
        *("", "v", "1.45", "V1.45", "v1", "v1.", "v.45", "v1..45", "v1.45.", "v1.45.0", "v1.045", "v01.45", "v2.0"),
        *("v1.-1", "v1.+1", "v1.4_5", "v1. 45", "v1.45\n", "v1.4\u0665", "v1.\uff14\uff15", "v1.10000", "v4.0.0"),
    ],
)
def test_a_version_that_no_engine_has_is_none(prefix: str) -> None:
    assert not exists(prefix, libpod=False)


def test_without_a_version_the_engine_takes_its_newest() -> None:
    assert read_version("") is None


def test_only_the_first_digit_tells_podmans_old_manifests() -> None:
    def is_known(prefix: str) -> bool:
        request = canonicalise("GET", f"/{prefix}/libpod/manifests/app/json")
        return isinstance(request, CanonicalRequest) and request.operation is not UNKNOWN

    assert [is_known(prefix) for prefix in ("v4.0.0", "v40", "v3", "v39", "v10.0.0")] == [True] * 2 + [False] * 3
