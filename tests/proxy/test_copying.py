"""Which volumes no container can have had before."""

from dockerproxy.proxy.copying import Fresh


def test_a_volume_is_new_once() -> None:
    fresh = Fresh()
    fresh.add("a")
    assert [fresh.take("a"), fresh.take("a"), fresh.take("b")] == [True, False, False]


def test_only_so_many_volumes_are_remembered() -> None:
    fresh = Fresh()
    for number in range(10_001):
        fresh.add(str(number))
    assert [fresh.take("0"), fresh.take("1")] == [False, True]
