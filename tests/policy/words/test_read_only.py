"""Where it is demanded, a container cannot write its own files."""

from collections.abc import Callable

import pytest
from policy.words.looking import faults

from dockerproxy.wire.document import Json

MADE: list[tuple[str, Callable[..., Json]]] = [
    ("ContainerCreate", lambda **said: {"Image": "web", "HostConfig": {"ReadonlyRootfs": said.get("flag")}}),
    ("ContainerCreate", lambda **_: {"Image": "web"}),
    ("ServiceCreate", lambda **said: {"TaskTemplate": {"ContainerSpec": {"ReadOnly": said.get("flag")}}}),
    ("ServiceUpdate", lambda **said: {"TaskTemplate": {"ContainerSpec": {"ReadOnly": said.get("flag")}}}),
    ("ServiceUpdate", lambda **_: {}),
]


@pytest.mark.parametrize(("operation", "made"), MADE)
def test_only_a_root_file_system_that_cannot_be_written_is_granted(operation: str, made: Callable[..., Json]) -> None:
    def problems(content: Json, **bounds: str) -> list[str]:
        return [each for each in faults(operation, "", content, None, **bounds) if "must be true" in each]

    for content in (made(), made(flag=False), made(flag=None)):
        assert problems(content, read_only="required")
        assert not problems(content)
    assert bool(problems(made(flag=True), read_only="required")) is (made(flag=True) == made())
