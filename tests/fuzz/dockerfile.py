"""Dockerfiles: a step that reaches further than its build is found whatever stands around it."""

from collections.abc import Mapping
from typing import Final

from fuzz.messages import check_text

from dockerproxy.policy.claims.builds import find_frontend
from dockerproxy.policy.claims.dockerfiles import find_reach

GIVEN: Final[tuple[Mapping[str, str] | None, ...]] = (None, {}, {"A": "docker.io/x", "B": "dir", "C": "${A}:"})
"""What clients say of variables."""

REACHING: Final = (
    b"RUN --network=host true",
    b"FROM dir:/etc",
    b"COPY --from=oci:/x /a /b",
    b"RUN --mount=type=cache,target=/x true",
    "RUN --mount=target=/é --network=host true".encode(),
    b"ADD --link\xa0--from=dir:/etc a b",
    'FROM ${A:+"é}"}dir:/etc'.encode(),
    b'ADD ["https://x/y, z.git", "/a"]',
    b"COPY <<EOF /a",
)


def read(data: bytes) -> object:
    """Look at a Dockerfile."""
    return [find_reach(data, given) for given in GIVEN], find_frontend(data)


def check(data: bytes) -> None:
    """Check what is said of a Dockerfile, and of one that it is a part of."""
    plain = data.replace(b"\r\n", b"\n")
    for given in GIVEN:
        said = find_reach(data, given)
        assert said.isascii()
        check_text(said)
        assert find_reach(data.replace(b"\n", b"\n\n \t\n # x\n"), given) == said
        assert b"\r" in plain or find_reach(plain, given) == find_reach(plain.replace(b"\n", b"\r\n"), given)
        for step in REACHING:
            assert find_reach(step + b"\n" + data, given)
            assert _goes_on(data) or find_reach(data + b"\n" + step, given), step
            assert find_reach(data + b"\n\nRUN true\n" + step, given), step
    check_text(find_frontend(data))


def _goes_on(data: bytes) -> bool:
    """Whether the last line of a Dockerfile that is no comment goes on in the next one."""
    lines = [line.strip(b" \t\r") for line in data.split(b"\n")]
    said = [line for line in lines if line and not line.startswith(b"#")]
    return bool(said) and said[-1].endswith(b"\\")
