"""Images that are loaded, with the names that their archive gives them.

Docker unpacks the whole archive before it reads `manifest.json`, or of old archives `repositories`; with containerd's
store it reads `index.json` besides, and adds layers as they come, which have no name until it has read that. Podman
keeps the archive in a file and tries the forms it knows. All name what they find there and nowhere else: in `RepoTags`,
in `repositories`, and in the annotations of what `index.json` lists.

Attack: a name that only one engine reads, or one of two annotations -> Defence: all are read, and one name goes on.
Attack: the file twice, as a link, behind a link, or in place of a directory that was looked at -> Defence: each is
there once, as a file at the top, and no entry goes through a link.
Attack: a key in other capitals or twice -> Defence: keys are folded as Go does.
Attack: a name that two engines complete in two ways -> Defence: it goes on in full, or must be granted in both.
Attack: a file too large to be read here, or a link out of the archive, which could show the host -> Defence: refused.
Attack: a label that Podman acts upon in a container of the image, or a variable that it fills in -> Defence: refused
(`labels.py`, `variables.py`).
Attack: the name of an image that another client owns, which the engine would move -> Defence: where images are owned,
a fresh mark goes on in place of each name (`policy/naming`), in each file that has names
(test: test_where_images_are_owned_no_name_goes_on).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.errors import Refusal
from dockerproxy.policy.claim import Fault, Note
from dockerproxy.policy.claims.entries import Rules, fault_of
from dockerproxy.policy.claims.images import complete
from dockerproxy.policy.claims.labels import SAYS, LabelScan
from dockerproxy.policy.claims.variables import VariableScan
from dockerproxy.policy.image_marks import FreshMarks
from dockerproxy.policy.references import parse_reference
from dockerproxy.text import fold
from dockerproxy.wire.document import Json, read_json, write_json
from dockerproxy.wire.tar import Entry, Kind, show_name

_MANIFEST: Final = b"manifest.json"
_INDEX: Final = b"index.json"
_REPOSITORIES: Final = b"repositories"
_ANNOTATIONS: Final = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
"""The second counts where the first is not there (containerd image/archive, imageName; containers/common libimage). To
Podman up to 3.4 only the second counts: so what has the first goes on with both the same."""

_IMAGES: Final = "manifest.json[]"
"""Line of the table that says what is granted of each image."""

_MOST_NAMES: Final = 512
"""That an archive may give: each is compared with all that are granted."""


_Value = TypeVar("_Value", list[Json], dict[str, Json], str)


class _UnclearError(Exception):
    """A file that does not say what it should."""


class Loading(Rules):
    """What may be in an archive of images."""

    def __init__(self, _request: CanonicalRequest, note: Note) -> None:
        super().__init__(frozenset(_FILES))
        self._note = note
        self._lists_images = False
        self._scan, self._variables = LabelScan(), VariableScan()

    def look(self, entry: Entry) -> Fault | None:
        """Say what is wrong with an entry, by its header."""
        self._scan, self._variables = LabelScan(), VariableScan()
        if entry.kind is Kind.LINK and not _stays(entry):
            return fault_of(entry, "is a link out of the archive")
        return super().look(entry)

    def scan(self, entry: Entry, piece: bytes | memoryview) -> Fault | None:
        """Look for what no image brings: any file may be a manifest or a config."""
        found = self._scan.find(piece)
        if found:
            return fault_of(entry, f"has the key {show_name(found)}, {SAYS}, or on what it hides")
        if self._scan.is_json and self._variables.find(piece):
            return fault_of(entry, "has a variable without a value, which Podman would fill in, or many lists")
        return None

    def read(self, entry: Entry, content: bytes) -> bytes | Fault:
        """Look whether the names in a file may be given."""
        document = read_json(content)
        if isinstance(document, Refusal):
            return fault_of(entry, f"is invalid: {document.reason}")
        place, list_names = _FILES[entry.name]
        try:
            images = list(list_names(document, self.marks))
        except _UnclearError:
            return fault_of(entry, "is not valid in an archive of images")
        names = dict.fromkeys(name for image in images for name in image)
        if max(len(names), len(self.marks.names) if self.marks is not None else 0) > _MOST_NAMES:
            return fault_of(entry, f"has more than {_MOST_NAMES} names")
        path = f"a name in {entry.name.decode()}"
        for name in names:
            self._note(place, name, path)
        if entry.name != _REPOSITORIES:
            self._lists_images = True
            for image in images:
                self._note(_IMAGES, [*image], entry.name.decode())
        return write_json(document)

    def end(self) -> None:
        """Note an archive of the old form, with images of which no list says what they are called."""
        if not self._lists_images:
            self._note(_IMAGES, [], _MANIFEST.decode())


def _stays(entry: Entry) -> bool:
    """Whether a symbolic link points into the archive: up no further than its top, and only at its beginning."""
    parts = [part for part in entry.target.split(b"/") if part not in {b"", b"."}]
    ups = next((number for number, part in enumerate(parts) if part != b".."), len(parts))
    return not entry.target.startswith(b"/") and ups <= entry.name.count(b"/") and b".." not in parts[ups:]


def _meanings(name: str) -> tuple[str, ...]:
    """Return what a name may mean.

    Podman puts `localhost/` before one without a registry, where Docker means its own.
    """
    reference = parse_reference(name)
    registry = reference.name.partition("/")[0] if reference is not None else ""
    return (name,) if name.startswith(f"{registry}/") else (name, f"localhost/{name}")


def _list_in_manifest(document: Json, marks: FreshMarks | None) -> Iterator[list[str]]:
    """Put the registry in front of each name: without it, Podman would take it for one of `localhost/`."""
    for image in _list(document):
        fields = _object(image)
        key = _find_key(fields, "repotags")
        names = list(map(_text, _list(fields.get(key))))
        if marks is not None:
            fields[key] = [marks.replace(name) for name in names or [""]]
        elif key in fields:
            fields[key] = [complete(name, parse_reference(name)) for name in names]
        yield names


def _list_in_repositories(document: Json, marks: FreshMarks | None) -> Iterator[list[str]]:
    repositories = _object(document)
    for name, tags in list(repositories.items()):
        images = {f"{name}:{tag}": image for tag, image in _object(tags).items()}
        yield [*images]
        if marks is not None:
            del repositories[name]
            for text, image in images.items():
                repository, _, tag = marks.replace(text).rpartition(":")
                repositories[repository] = {tag: image}


def _list_in_index(document: Json, marks: FreshMarks | None) -> Iterator[list[str]]:
    """Give each image one name for all engines."""
    first, second = _ANNOTATIONS
    index = _object(document)
    for manifest in _list(index.get(_find_key(index, "manifests"))):
        fields = _object(manifest)
        key = _find_key(fields, "annotations")
        annotations = _object(fields.get(key))
        name = next(filter(None, (_text(annotations.get(key) or "") for key in _ANNOTATIONS)), "")
        if marks is not None:
            fields[key] = annotations
            annotations[first] = marks.replace(name)
        if annotations.get(first):
            annotations[second] = annotations[first]
        yield [*_meanings(name)] if name else []


_FILES: Final[Mapping[bytes, tuple[str, Callable[[Json, FreshMarks | None], Iterator[list[str]]]]]] = {
    _MANIFEST: ("manifest.json[].RepoTags[]", _list_in_manifest),
    _REPOSITORIES: ("repositories.*.*", _list_in_repositories),
    _INDEX: ("index.json.manifests[].annotations.*", _list_in_index),
}
"""Where names stand: the line of the table that says what is granted of each, and what lists those of each image."""


def _find_key(fields: Mapping[str, Json], name: str) -> str:
    """Return the key of a field, as Go finds it."""
    found = [key for key in fields if fold(key) == name]
    if len(found) > 1:
        raise _UnclearError
    return found[0] if found else name


def _list(value: Json) -> list[Json]:
    return _take([] if value is None else value, list)


def _object(value: Json) -> dict[str, Json]:
    return _take({} if value is None else value, dict)


def _text(value: Json) -> str:
    return _take(value, str)


def _take(value: Json, kind: type[_Value]) -> _Value:
    if not isinstance(value, kind):
        raise _UnclearError
    return value
