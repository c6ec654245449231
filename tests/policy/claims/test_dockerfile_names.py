"""Names of images in a Dockerfile go on with their registry, so that Podman takes no other image for one."""

import pytest
from hypothesis import given as for_any
from hypothesis import strategies
from policy.claims.sending import BUILD, feed_all, passed_on
from policy.policies import request_of
from wire.tars import archive_of, item, read_archive

from dockerproxy.policy.claims.archives import Archive
from dockerproxy.policy.claims.dockerfile_names import complete_images
from dockerproxy.policy.claims.dockerfile_steps import Budget, UnclearError, read_steps
from dockerproxy.policy.image_marks import FreshMarks

HUB = "docker.io/library/"


@pytest.mark.parametrize(
    ("given", "goes_on"),
    [
        ("FROM node", f"FROM {HUB}node"),
        ("FROM cafe", f"FROM {HUB}cafe"),
        ("from node:20 as Base\r\nFROM base", f"from {HUB}node:20 as Base\r\nFROM base"),
        ("FROM --platform=linux/amd64 a/b@sha256:" + "0" * 64, None),
        ("FROM \\\n  node:20 \\\n AS x\nCOPY --from=X a b", f"FROM \\\n  {HUB}node:20 \\\n AS x\nCOPY --from=X a b"),
        ("FROM a/b \\\n\n # c\r\n AS x\nCOPY \\\n# d\n --from=x --from=go:1 e f", None),
        ('FROM "go:1" AS x\nFROM \'x\'\nFROM "$V"\nFROM ""', f'FROM "{HUB}go:1" AS x\nFROM \'x\'\nFROM "$V"\nFROM ""'),
        ('FROM go:${V:-"1"} AS x\nFROM x', f'FROM {HUB}go:${{V:-"1"}} AS x\nFROM x'),
        ("FROM node AS node\nFROM node", f"FROM {HUB}node AS node\nFROM node"),
        ("FROM node:${V:-18} AS x", f"FROM {HUB}node:${{V:-18}} AS x"),
        ("FROM scratch\nCOPY --from=0 a b\nCOPY --chown=1 --from=go:1 a b", None),
        ("FROM scratch\nRUN --mount=type=bind,from=go,target=/g x", None),
        ("FROM scratch\nRUN \\\n --network=none \\\n --mount=from=go,target=/g x --from=go", None),
        ("# FROM x \\\nFROM go", f"# FROM x \\\nFROM {HUB}go"),
        ("FROM scratch\nRUN <<-A cat <<'B'\n\tA\nFROM users\nB\nFROM go", None),
        ("FROM scratch\nRUN cat <<\\\nB\nFROM users\nB\nFROM go", None),
        ("FROM scratch\nRUN a \\\n# <<B\nb\nFROM go", None),
    ],
)
def test_a_build_starts_from_no_image_whose_name_ends_so(given: str, goes_on: str | None) -> None:
    wanted = given if goes_on is None else goes_on
    for name in () if goes_on is not None else (" a/b", "=go:1", "from=go,", "FROM go"):
        *_, short = name.replace("=", " ").split()
        wanted = wanted.replace(name, name.replace(short, f"{'docker.io/' if '/' in short else HUB}{short}"))
    assert complete_images(given.encode()).decode() == wanted
    assert complete_images(wanted.encode()).decode() == wanted


def test_a_byte_order_mark_is_left_out() -> None:
    assert complete_images("\ufeffFROM node".encode()).decode() == f"FROM {HUB}node"


@pytest.mark.parametrize(
    "text",
    [
        *("FROM a.io/x\n", "FROM localhost/x:1", "FROM $X", "FROM x$V", "FROM localhost:$P/x", "FROM 0123456789ab"),
        *("FROM", "", "FROM X", "FROM scratch", "RUN a \\\\\nb", "RUN x \\\nFROM node", "RUN\u1234\\\nX"),
        *("ONBUILD COPY --from=x a b\n", "FROM scratch\nRUN tool --from=node", "FROM scratch\nADD <<A /x\nFROM y"),
    ],
)
def test_what_is_no_name_without_a_registry_stays(text: str) -> None:
    assert complete_images(text.encode()) == text.encode()


def test_a_build_starts_from_no_image_by_the_first_digits_of_its_id() -> None:
    text = "FROM a.io/x AS y\nFROM %s0\nFROM %ssha256:07\nCOPY --from=2 --chown=0 a b\nRUN --mount=from=%s3 x 4\n"
    assert complete_images((text % ("", "", "")).encode()).decode() == text % (HUB, HUB, HUB)


def test_they_are_completed_only_where_clients_own_images() -> None:
    context = archive_of(item("Dockerfile", b"FROM node\n"))
    assert passed_on(BUILD, context).entries == read_archive([context]).entries
    archive = Archive(request_of(*BUILD), ({},), FreshMarks("mine", "n"))
    passed = b"".join([*feed_all(archive, context), *archive.end()])
    assert archive.fault == ""
    wanted = archive_of(item("Dockerfile", f"FROM {HUB}node\n".encode()))
    assert read_archive([passed]).entries == read_archive([wanted]).entries


PARTS = (
    *("FROM", "AS", "RUN", "COPY", "--from=", "--mount=", "from=", "node", ":1", "$V", "<<A", "A", "#", ",", '"'),
    *" \t\n\\'",
)


@for_any(strategies.lists(strategies.sampled_from(PARTS)).map("".join).map(str.encode))
def test_a_name_is_completed_once_and_all_else_stays(content: bytes) -> None:
    done = complete_images(content)
    assert complete_images(done) == done
    assert done.replace(HUB.encode(), b"") == content


@for_any(strategies.lists(strategies.sampled_from(PARTS)).map("".join).map(str.encode))
def test_the_steps_of_what_goes_on_are_those_that_came(content: bytes) -> None:
    came, goes_on = (read(each) for each in (content, complete_images(content)))
    assert goes_on == came


def read(content: bytes) -> object:
    """Return the steps of a Dockerfile without registries, or why it has none."""
    try:
        steps = list(read_steps(content, Budget()))
    except UnclearError as error:
        return str(error)
    return [(step.name, [flag.replace(HUB, "") for flag in step.flags], step.rest.replace(HUB, "")) for step in steps]
