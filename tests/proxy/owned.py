"""A stand-in for an engine with containers, networks and volumes, some of them a client's own."""

from dataclasses import dataclass, field
from typing import Any

from proxy.lookups import answer
from proxy.podman import Podman

from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import NONCE, OWNER

POLICY = read_policy("sockets: {ci: {path: /ci.sock, allow: [preset:ping, own]}}", "policy.yaml").sockets[0].policy

MINE, THEIRS = {OWNER: "ci", NONCE: "1"}, {OWNER: "other", NONCE: "1"}


def identify(number: int) -> str:
    return f"{number:x}".rjust(64, "0")


def container(number: int, labels: dict[str, str], *, state: str = "exited", image: int = 1) -> dict[str, Any]:
    return {
        "Id": identify(number),
        "Names": [f"/c{number}"],
        "ImageID": f"sha256:{identify(image)}",
        "Labels": labels,
        "State": state,
        "Created": 1_700_000_000,
        "SizeRw": 10,
    }


def network(number: int, labels: dict[str, str]) -> dict[str, Any]:
    return {"Id": identify(number), "Name": f"n{number}", "Labels": labels, "Created": "2024-01-01T00:00:00.123456789Z"}


def volume(name: str, labels: dict[str, str], **more: object) -> dict[str, Any]:
    made = {"Name": name, "Labels": labels, "Driver": "local", "Options": None, "CreatedAt": "2024-01-01T00:00:00Z"}
    return {**made, **more}


@dataclass
class Docker(Podman):
    """An engine.

    Attributes:
        things: What there is, by kind: what a list says of each.
        images: The labels of images, by their ids.
        in_use: Ids of what cannot be removed.
        asked: The target of each request.
    """

    things: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    images: dict[str, dict[str, str]] = field(default_factory=lambda: {identify(1): {}})
    in_use: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def _do(self, method: str, target: str) -> bytes:
        self.asked.append(target)
        _, kind, *rest = target.partition("?")[0].removeprefix("/v1.45").split("/")
        if kind == "images":
            return self._describe_image(rest[0])
        if kind not in self.things:
            return answer({"message": "page not found"}, "404 Not Found")
        there = self.things[kind]
        if not rest or rest == ["json"]:
            return answer({"Volumes": there, "Warnings": None} if kind == "volumes" else there)
        found = next((each for each in there if rest[0] in {each.get("Id"), each.get("Name")}), None)
        if found is None:
            return answer({"message": "no such thing"}, "404 Not Found")
        return self._describe(found) if method == "GET" else self._remove_one(found, there)

    def _describe(self, found: dict[str, Any]) -> bytes:
        return answer({**found, "Config": {"Labels": found["Labels"]}, "Image": found.get("ImageID")})

    def _remove_one(self, found: dict[str, Any], there: list[dict[str, Any]]) -> bytes:
        name = found.get("Id") or found["Name"]
        if name in self.in_use or found.get("State") in {"running", "paused"}:
            return answer({"message": "in use"}, "409 Conflict")
        there.remove(found)
        self.removed.append(name)
        return answer({})

    def _describe_image(self, name: str) -> bytes:
        labels = self.images.get(name.removeprefix("sha256:"))
        described = {"Id": name, "Config": {"Labels": labels}}
        return answer({"message": "no image"}, "404 Not Found") if labels is None else answer(described)


def make(*containers: dict[str, Any], networks: Any = (), volumes: Any = ()) -> Docker:
    return Docker(set(), things={"containers": [*containers], "networks": [*networks], "volumes": [*volumes]})
