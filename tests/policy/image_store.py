"""A stand-in for an engine's images: names, and which image each means; and how clients name and make them."""

import json
from urllib.parse import parse_qs, unquote

from policy.policies import request_of

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.image_marks import ImageOwner
from dockerproxy.policy.naming import Steps, finish, list_made, tag, with_mark
from dockerproxy.policy.objects import Lookup, ResolvedObject, find_object
from dockerproxy.policy.prunes import Answer, Ask
from dockerproxy.policy.references import parse_reference

MINE, OTHER = ImageOwner("mine"), ImageOwner("other")


def identify(number: int) -> str:
    return f"sha256:{number:064x}"


class Store:
    """Images by their names.

    Attributes:
        names: Which image each means.
        used: Images that containers use: the last name of such a one stays.
        replaced: Those of which a name became that of another one. They stay without any.
        given: How many names it has given.
        failing: The number of one that it does not give.
    """

    def __init__(self, **names: int) -> None:
        self.names = {full(name): identify(number) for name, number in names.items()}
        self.used: set[str] = set()
        self.replaced: set[str] = set()
        self.given, self.failing = 0, -1

    def answer(self, ask: Ask) -> Answer:
        """Answer one request."""
        path, _, query = ask.target.partition("?")
        name, _, verb = (
            unquote(path.removeprefix("/images/")).rpartition("/") if ask.method != "DELETE" else (path, "", "")
        )
        if ask.method == "DELETE":
            return self._untag(unquote(path.removeprefix("/images/")))
        is_id = name in self.names.values() or name in self.replaced
        image = name if is_id else self.names.get(full(name))
        if image is None:
            return 404, b'{"message":"No such image"}'
        if verb == "tag":
            self.given += 1
            if self.given == self.failing:
                return 500, b'{"message":"no space left on device"}'
            words = parse_qs(query)
            given = f"{words['repo'][0]}:{words['tag'][0]}"
            self.replaced |= {self.names[given]} if given in self.names else set()
            self.names[given] = image
            return 201, b""
        return 200, self.describe(image)

    def describe(self, image: str) -> bytes:
        """Return what an inspection says."""
        tags = [name for name, meant in self.names.items() if meant == image]
        return json.dumps({"Id": image, "RepoTags": tags, "RepoDigests": [], "Config": {"Labels": None}}).encode()

    def _untag(self, name: str) -> Answer:
        if name not in self.names:
            return 404, b'{"message":"No such image"}'
        image = self.names.pop(name)
        if image in self.used and image not in self.names.values():
            self.names[name] = image
            return 409, b'{"message":"in use"}'
        return 200, json.dumps([{"Untagged": name}]).encode()


def full(name: str) -> str:
    reference = parse_reference(name)
    return f"{reference}:latest" if reference is not None and not reference.tag else str(reference or name)


def play(store: Store, steps: Steps) -> Answer:
    """Have a store answer all requests; return what the client gets."""
    ask = next(steps)
    try:
        while True:
            ask = steps.send(store.answer(ask))
    except StopIteration as end:
        answer: Answer = end.value
        return answer


def named_by(store: Store, name: str) -> ResolvedObject:
    """Return the image that a removal names, as the proxy finds it out."""
    lookup = find_object(request_of("DELETE", f"/images/{name}"))
    assert isinstance(lookup, Lookup)
    image = store.names.get(full(name), name)
    found = read_object(lookup, store.describe(image), "")
    assert isinstance(found, ResolvedObject)
    return found


def give(store: Store, owner: ImageOwner, number: int, name: str) -> Answer:
    return play(store, tag(request_of("POST", f"/images/x/tag?repo={name}"), owner, identify(number)))


def complete(request: CanonicalRequest, owner: ImageOwner, nonce: str) -> Steps:
    """Give the one image that a request makes its names."""
    [(mark, names)] = list_made(request, owner, nonce).items()
    return finish(owner, mark, names)


def build(store: Store, owner: ImageOwner, number: int, *names: str) -> Answer:
    """Make an image as an engine does that is told to put a fresh mark on it."""
    request = request_of("POST", f"/build?{'&'.join(f't={name}' for name in names)}")
    store.names[dict(with_mark(request, owner.name, "1").query)["t"]] = identify(number)
    return play(store, complete(request, owner, "1"))
