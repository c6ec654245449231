"""Which volumes no container can have had before."""

from dockerproxy.proxy.copying import Fresh


def test_a_volume_is_new_until_a_container_may_have_it() -> None:
    fresh = Fresh()
    fresh.add("a")
    assert ("a" in fresh, "b" in fresh) == (True, False)
    fresh.discard("a")
    fresh.discard("b")
    assert "a" not in fresh


def test_only_so_many_volumes_are_remembered() -> None:
    fresh = Fresh()
    for number in range(10_001):
        fresh.add(str(number))
    assert ("0" in fresh, "1" in fresh) == (False, True)
