"""Which volumes no container can have had before."""

from dockerproxy.proxy.copying import Fresh


def test_a_volume_is_new_until_a_container_may_have_it() -> None:
    fresh = Fresh()
    fresh.add(["a"])
    assert ("a" in fresh, "b" in fresh) == (True, False)
    fresh.discard(["a", "b"])
    assert "a" not in fresh


def test_only_so_many_volumes_are_remembered() -> None:
    fresh = Fresh()
    fresh.add(map(str, range(10_000)))
    fresh.add(["a"])
    assert ("0" in fresh, "1" in fresh, "a" in fresh) == (False, True, True)
