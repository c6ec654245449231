"""Labels and annotations on which an engine or its runtime acts: no container has them, and no image brings them.

Podman gives a container the labels of its image, and before 4.6 the annotations of the image's manifest. So what is
refused on a container is refused wherever an image is made: in an import, a build, an archive of images. An
image that is pulled says what its registry says. Only labels of this proxy may be in an archive: the image of an own
container has them, and in an image they prove nothing (`policy/stamps`).

Attack: a key of JSON with an escape in it -> Defence: no such key passes (test: test_a_key_is_not_hidden_by_escapes).
Attack: a config that no manifest names yet, or of another media type -> Defence: each file of an archive that begins
like JSON is scanned as it passes, whatever its size and name (test: test_no_file_of_an_archive_brings_them).
Attack: JSON in a string of JSON, as manifests of schema 1 have it -> Defence: none of these passes.
Attack: a LABEL in the ONBUILD of an image, for those that are built from it -> Defence: no image that has any is loaded
(test: test_no_image_is_loaded_that_adds_steps_to_builds).
Attack: addresses of a layer, by which Podman reaches what only the host can (containers/image oci_src.go, GetBlob) ->
Defence: no manifest that has any is loaded (test: test_no_layer_is_fetched_from_elsewhere).
Attack: labels that make the engine's lists too long for all clients, because lists have all labels -> Defence: those of
one object are bounded (test: test_labels_of_one_object_are_bounded). See `policy/long_lists` for those of images.
Attack: a label whose name a variable holds, in a LABEL or in what becomes one -> Defence: names have no variables
(test: test_no_variable_names_a_label).
"""

import re
from typing import Final

from dockerproxy.errors import Refusal
from dockerproxy.policy.claim import Object, Reading
from dockerproxy.policy.objects import OWN, ResolvedObject
from dockerproxy.policy.stamps import NEW, OWNER, RESERVED, STAMP
from dockerproxy.policy.values import Pairs
from dockerproxy.wire.document import Json, object_of, read_json, show

_NAMES: Final = (
    "PODMAN_SYSTEMD_UNIT",  # `podman auto-update` starts that unit of the host anew, `podman logs` shows its journal.
    "io.containers.autoupdate",  # It asks a registry, with the credentials that `….authfile` names on the host.
    "io.containers.trace-syscall",  # oci-seccomp-bpf-hook writes to the file of the host that it names.
    "io.podman.annotations.",  # Podman: confinement, namespaces, mounts of others.
    "io.kubernetes.cri-o.",  # Podman, runtimes: of which sandbox it is one, whether its files get labels.
    "io.katacontainers.",  # Kata Containers: which program of the host runs it.
    "org.systemd.property.",  # runc, crun: properties of its unit, limits and devices among them.
    "org.criu.config",  # runc, crun: a file of the host by which CRIU is told what to do.
    "run.oci.",  # crun: its filter of system calls, files of the host to write to, what it is run by.
    "dev.gvisor.",  # gVisor: flags of the sandbox.
    "cdi.k8s.io",  # Runtimes with CDI: devices of the host.
    RESERVED,  # This proxy: whose a container, network or volume is.
)
"""What a label or an annotation is called upon which something acts, or how that begins; what acts, and how."""

SAYS: Final = "not allowed: an engine, its runtime or this proxy acts on it"

MOST_BYTES: Final = 64 * 1024
"""Of all keys and values of the labels of one object."""

_KEY: Final = re.compile(
    rb"""
    "(?<=[{,\ \t\r\n]") (%b
    | [vV]1[cC][oO][mM][pP][aA][tT][iI][bB][iI][lL][iI][tT][yY]
    | (?: [oO][nN][bB][uU][iI][lL][dD] | [uU][rR][lL] (?: [sS] | \xc5\xbf | \\u017[fF] ))
      (?="(?!:\ ?(?:null|\[\]))[\0-\xff]{6})
    | [-./_A-Za-z0-9]{0,32} \\u00 (?: 2[dDeEfF] | 3[0-9] | 4[1-9a-fA-F] | 5[0-9aAfF] | 6[1-9a-fA-F] | 7[0-9aA] ))
    """
    % "|".join(re.escape(name) for name in _NAMES if name != RESERVED).encode(),
    re.VERBOSE,
).search
"""A key of JSON that begins with one of them; that holds JSON itself; that holds steps, or where else a layer is
(engines write none as null, and the shortest of any is `:["x"]`); or in which a letter, digit or sign of theirs is
escaped, as no program writes it. To Go, U+017F is an s."""

_OVERLAP: Final = 128
"""Bytes in which any of those has room."""

_BLANKS: Final = b" \t\r\n"

_WORDS: Final = re.compile(r"""((?:[!#-&(-\[\]-~]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+)|[ \t\v\f\r]+""")
"""A word of a LABEL, as builders split it, or what is between two (imagebuilder and BuildKit, parseWords)."""

_WITHOUT_QUOTES: Final = str.maketrans("", "", "\"'\\`")


class LabelScan:
    """Looks through one file of an archive as it passes; `is_json` is None until that is known."""

    def __init__(self) -> None:
        self.is_json: bool | None = None
        self._kept = b""

    def find(self, piece: bytes | memoryview) -> bytes:
        """Return a key that no image may bring, if one ends in this piece; else nothing."""
        if self.is_json is None:
            begun = bytes(piece).lstrip(_BLANKS)
            if begun:
                self.is_json = begun[:1] in {b"{", b"["}
        if not self.is_json:
            return b""
        text = self._kept + piece
        self._kept = text[-_OVERLAP:]
        found = _KEY(text)
        return b"" if found is None else found[1]


def acts(name: str) -> bool:
    """Whether something acts upon a label or an annotation of that name."""
    return any(each in name for each in _NAMES)


def find_in_instruction(rest: str) -> str:
    """Say what is wrong with all that follows a LABEL, on later lines too, as a clause; empty if nothing is."""
    plain = rest.translate(_WITHOUT_QUOTES)
    found = next((each for each in _NAMES if each in plain), "")
    if found:
        return f"has a LABEL with {found}, {SAYS}"
    if "$" not in rest:
        return ""
    words = [word for word in _WORDS.findall(rest) if word]
    is_clear = "".join(found[0] for found in _WORDS.finditer(rest)) == rest
    keys = [word.partition("=")[0] for word in words] if words and "=" in words[0] else words[:1]
    return "" if is_clear and not any("$" in key for key in keys) else "has a LABEL whose name may come from a variable"


def check_image_labels(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """No label of an image makes an engine or its runtime act."""
    labels = read_json(value.encode(errors="surrogateescape")) if isinstance(value, str) and value else value
    names = labels if isinstance(labels, dict | list) else ()
    if isinstance(labels, Refusal) or (labels and not names) or not all(isinstance(name, str) for name in names):
        reading.violate(path, value, "not valid labels")
    _bound(reading, names, path)
    for name in map(str, names):
        if acts(name):
            reading.violate(f"{path}[{show(name)}]", labels[name] if isinstance(labels, dict) else name, SAYS)
        elif "$" in name:  # Podman makes a LABEL of it.
            reading.violate(f"{path}[{show(name)}]", name, "not allowed: a variable may change it")


def check_volume_labels(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Labels of a volume that is made on the way are no matter of the grant, but none has an engine act."""
    _bound(reading, object_of(value), path)
    for name, label in object_of(value).items():
        if name in STAMP and reading.request.operation.name == "ContainerCreate":
            _claim_stamp(reading, name, label, path)
        elif acts(name):
            reading.violate(f"{path}[{show(name)}]", label, SAYS)


def _claim_stamp(reading: Reading, name: str, label: Json, path: str) -> None:
    """Claim a label of the client's own stamp, as an inspection shows it: it is put on anew, or left out."""
    owner = "" if label == NEW else str(label)
    mine = ResolvedObject("", (), belongs_to=owner if name == OWNER else NEW)
    reading.claim(OWN, mine, f"{path}[{show(name)}]", label, SAYS, without=False)


def check_labels(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Labels of the client's own; none may have an engine act."""
    labels = object_of(value)
    _bound(reading, labels, path)
    for name in labels if acts("\n".join(labels)) else ():  # One long text is searched sooner than many.
        if name in STAMP:
            _claim_stamp(reading, name, labels[name], path)
        elif acts(name):
            reading.violate(f"{path}[{show(name)}]", labels[name], SAYS)
    pairs = Pairs(tuple(labels.items()))  # type: ignore[arg-type] # they are texts: the table says so
    reading.claim("labels", pairs, path, None, target=path)


def _bound(reading: Reading, labels: Object | list[Json] | tuple[()], path: str) -> None:
    """Note labels that are too long together."""
    pairs = labels.items() if isinstance(labels, dict) else enumerate(labels)
    if sum(len(f"{name}{label}".encode(errors="surrogatepass")) for name, label in pairs) > MOST_BYTES:
        reading.violate(path, None, f"has more than {MOST_BYTES >> 10} KiB of keys and values")
