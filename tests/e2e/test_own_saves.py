"""Images that clients save and push: only their own, and only by the names that are theirs."""

import io
import json
import re
import tarfile
from urllib.parse import quote

import pytest
from e2e.engines import Engine
from e2e.talk import Answer, ask
from e2e.test_own import Socket
from e2e.test_own_image_names import copy, tell
from e2e.test_own_images import Two, before, built, engine, two

from dockerproxy.api.request import RESERVED

__all__ = ["before", "engine", "two"]
pytestmark = pytest.mark.engine

SAVES = (
    "/v1.41/images/NAME/get",
    "/v1.41/images/get?names=NAME",
    "/v5.0.0/libpod/images/NAME/get?format=docker-archive",
    "/v5.0.0/libpod/images/NAME/get?format=oci-archive",
    "/v5.0.0/libpod/images/export?format=docker-archive&references=NAME",
)


def save(socket: Socket, target: str) -> Answer:
    return ask(socket.socket, "GET", target)


def names_in(archive: bytes) -> list[str]:
    """Return all names that an archive has for its images, in either form of it, without the registry."""
    found = list[str]()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            if member.isfile() and member.name in {"manifest.json", "index.json", "repositories"}:
                content = tar.extractfile(member)
                assert content is not None
                found += _names_of(member.name, json.load(content))
    return sorted({name.removeprefix("docker.io/library/") for name in found})


def _names_of(file: str, said: object) -> list[str]:
    if file == "manifest.json":
        assert isinstance(said, list)
        return [name for image in said for name in image["RepoTags"] or ()]
    assert isinstance(said, dict)
    if file == "repositories":
        return [f"{name}:{tag}" for name, tags in said.items() for tag in tags]
    annotations = [image.get("annotations", {}) for image in said["manifests"]]
    named = [
        each.get("io.containerd.image.name") or each.get("org.opencontainers.image.ref.name") for each in annotations
    ]
    return [name for name in named if name]


def targets_for(engine: Engine) -> tuple[str, ...]:
    return SAVES if engine.name == "podman" else SAVES[:2]


def test_what_is_saved_has_the_own_name_by_which_it_was_asked_for(two: Two, engine: Engine, label: str) -> None:
    """The same image has other names of this client and another, and the marks of both."""
    mine, other = two
    copy(mine, f"app-{label}")
    copy(mine, f"second-{label}")
    copy(other, f"theirs-{label}")
    identity = mine.ask("GET", f"/v1.41/images/app-{label}/json").json()["Id"]
    for target in targets_for(engine):
        for name in (f"app-{label}", f"app-{label}:latest", f"docker.io/library/app-{label}:latest"):
            saved = save(mine, target.replace("NAME", name))
            assert saved.status == 200, (target, saved)
            assert names_in(saved.body) == [f"app-{label}:latest"], (target, name)
            assert RESERVED.encode() not in saved.body
        for name in (identity, identity.removeprefix("sha256:")[:20]):
            saved = save(mine, target.replace("NAME", name))
            assert saved.status == 200, (target, saved)
            assert not re.search(f"theirs-{label}|{re.escape(RESERVED)}".encode(), saved.body), (target, name)


def test_a_name_of_anothers_is_saved_like_one_that_does_not_exist(two: Two, engine: Engine, label: str) -> None:
    mine, other = two
    copy(mine, f"mine-{label}")
    copy(other, f"theirs-{label}")
    for target in targets_for(engine):
        both = target.replace("NAME", f"mine-{label}&names=NAME&references=NAME") if "=" in target else target
        for each in (target, both):
            answers = [tell(save(mine, each.replace("NAME", f"{who}-{label}")), who) for who in ("theirs", "nobody")]
            assert answers[0] == answers[1], each
            assert answers[0][0] in {403, 404}, (each, answers)
        assert save(mine, target.replace("NAME", "busybox")).status in {403, 404}
    assert save(mine, f"/v1.41/images/get?Names=theirs-{label}&names=mine-{label}").status == 403
    assert save(mine, "/v1.41/images/get").status == 403


def digest_of(engine: Engine, name: str) -> str:
    """Return the digest of an image, which only Podman gives to those that no registry has."""
    digests = ask(engine.socket, "GET", f"/v1.41/images/{name}/json").json()["RepoDigests"] or ["@"]
    return str(digests[0]).partition("@")[2] or f"sha256:{'0' * 64}"


def test_a_digest_of_anothers_is_saved_like_one_that_does_not_exist(two: Two, engine: Engine, label: str) -> None:
    mine, other = two
    copy(mine, f"mine-{label}")
    built(other, label, f"t=theirs-{label}")
    digest, own = digest_of(engine, f"theirs-{label}"), digest_of(engine, f"mine-{label}")
    for target in targets_for(engine):
        answers = [
            tell(save(mine, target.replace("NAME", f"{who}-{label}@{digest}")), who) for who in ("theirs", "nobody")
        ]
        assert answers[0] == answers[1], target
        assert answers[0][0] in {403, 404}, answers
        if engine.name == "podman":
            saved = save(mine, target.replace("NAME", f"mine-{label}@{own}"))
            assert saved.status == 200, (target, saved)
            assert RESERVED.encode() not in saved.body


def test_several_images_are_saved(two: Two, label: str) -> None:
    mine, _ = two
    names = [f"a-{label}", f"b-{label}"]
    for name in names:
        copy(mine, name)
    saved = save(mine, f"/v1.41/images/get?{'&'.join(f'names={name}' for name in names)}")
    assert (saved.status, names_in(saved.body)) == (200, [f"{name}:latest" for name in names])


def test_only_own_names_are_pushed(two: Two, label: str) -> None:
    """None is sent here: the registry refuses connections."""
    mine, other = two
    for socket, who in ((mine, "mine"), (other, "theirs")):
        copy(socket, f"localhost:1/{who}-{label}:1")
    sent = {
        name: ask(mine.socket, "POST", f"/v1.41/images/{quote(name)}/push?tag={tag}", b"", {"X-Registry-Auth": "e30="})
        for name, tag in (
            (f"localhost:1/mine-{label}", "1"),
            (f"localhost:1/theirs-{label}", "1"),
            (f"localhost:1/nobody-{label}", "1"),
            ("busybox", "latest"),
        )
    }
    pushed, theirs, nobody, shared = sent.values()
    assert pushed.status in {200, 500}, pushed
    assert b"denied" not in pushed.body
    assert tell(theirs, "theirs") == tell(nobody, "nobody")
    assert (theirs.status, shared.status) == (403, 403), (theirs, shared)
    whole = ask(mine.socket, "POST", f"/v1.41/images/localhost:1/mine-{label}/push", b"", {"X-Registry-Auth": "e30="})
    assert whole.status == 403
