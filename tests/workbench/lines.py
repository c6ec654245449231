"""Policy files of lines that people write, for properties of what is said about them."""

from collections.abc import Iterable, Iterator

from cli.files import sockets_of
from hypothesis import strategies as st

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.groups import GROUPS
from dockerproxy.config.presets import PRESETS
from dockerproxy.problems import UserError
from dockerproxy.settings import SocketSettings

LINES = (
    *("own", "ContainerCreate: {networks: [ci]}", "ContainerLogs: {follow: false}", "ImageCreate: unrestricted"),
    *("containers:read: {containers: [web]}", "ContainerExec: {containers: [web]}", "preset:compose: {images: [app]}"),
    *("libpod/exec:write", "containers:write: unrestricted"),
)
POLICIES = st.lists(
    st.one_of(
        *(st.sampled_from(sorted(each)) for each in (LINES, OPERATIONS, GROUPS, map("preset:".__add__, PRESETS)))
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda line: "preset" if line.startswith("preset:") else line.partition(": ")[0],
)
"""Lines of `allow`, with one preset at most: two may contradict each other where no line of the file's own is."""


def write(allow: Iterable[str], deny: Iterable[str] = ()) -> str:
    lines = ("sockets:", "  web:", "    path: /nonexistent/web.sock", *_write("allow", allow), *_write("deny", deny))
    return "\n".join(lines)


def _write(key: str, items: Iterable[str]) -> Iterator[str]:
    lines = [f"      - {item}" for item in items]
    yield from [f"    {key}:", *lines] if lines else [f"    {key}: []"]


def load(text: str) -> SocketSettings | None:
    try:
        return sockets_of(text)["web"]
    except UserError:
        return None
