"""A container starts and is renamed as clients ask for it."""

import pytest
from api.bodies.files import tables_in
from policy.words.looking import faults, look

STARTING = tables_in("starting")


@pytest.mark.parametrize("name", STARTING)
def test_what_is_no_parameter_is_refused(name: str) -> None:
    assert '?x is "1", not a known parameter' in faults(name, "?x=1", {})


def test_a_container_is_not_given_what_could_be_the_id_of_another_one() -> None:
    assert faults("ContainerRename", "?name=web-2") == []
    # What docker compose calls a container that it is about to replace.
    assert faults("ContainerRename", "?name=4f5e00000000_web-1") == []
    for name in ("4f5e00000000", "/4f5e00000000", "4f5e" + 60 * "0"):
        (fault,) = faults("ContainerRename", f"?name={name}")
        assert fault.endswith("ambiguous: it looks like an object ID")


def test_a_container_gets_a_name_that_is_granted() -> None:
    assert faults("ContainerRename", "?name=ci-2", names=("ci-*",)) == []
    for query in ("?name=web", "?name=", "", "?name=ci-2&name=web"):
        assert faults("ContainerRename", query, names=("ci-*",)) != []
    (fault,) = look("ContainerRename", "?name=web", bounds={"names": ("ci-*",)}).faults
    assert (fault.word, fault.value) == ("names", ("web",))
