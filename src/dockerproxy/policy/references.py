"""Image references, normalised as Docker does, and patterns of them.

`nginx`, `docker.io/nginx` and `index.docker.io/library/nginx:latest` are one image. Grants use one name for it, so
references of clients and operators are normalised first. The grammar is that of github.com/distribution/reference
(regexp.go; splitDockerDomain and ParseDockerRef in normalize.go). Invalid references have no normalised form and match
nothing.

A pattern is a reference with globs.

Attacks: docs/attacks.md, policy/references.
"""

import re
from functools import partial
from ipaddress import ip_address
from typing import Final, NamedTuple

from dockerproxy.api.request import RESERVED
from dockerproxy.policy.globs import fits
from dockerproxy.policy.values import is_literal
from dockerproxy.text import lower

_DIGITS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
"""Hexadecimal digits of Docker's digests, by algorithm (opencontainers/go-digest, algorithm.go)."""

TRANSPORTS: Final = (
    *("atomic:", "containers-storage:", "dir:", "docker-archive:", "docker-daemon:"),
    *("oci:", "oci-archive:", "ostree:", "sif:", "tarball:"),
)
"""Prefixes with which Podman reads an image from the host (containers/image, alltransports)."""

_LABEL: Final = "[a-zA-Z0-9]++(?:-++[a-zA-Z0-9]++)*"
_WORD: Final = "[a-z0-9]++(?:(?:[._]|__|-++)[a-z0-9]++)*"
_DOMAIN: Final = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_NAME: Final = rf"(?:{_DOMAIN}/)?(?P<path>{_WORD}(?:/{_WORD})*)"
_TAG: Final = "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"
_DIGEST: Final = "|".join(f"{algorithm}:[0-9a-f]{{{digits}}}" for algorithm, digits in _DIGITS.items())

_MOST_OF_PATH: Final = 255
_MOST: Final = 1024
"""Characters of a reference. Valid ones are shorter, and parsing takes time."""

_REFERENCE: Final = partial(re.fullmatch, f"(?P<name>{_NAME})(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?")
_IS_ID: Final = partial(re.fullmatch, f"[0-9a-f]{{64}}|{_DIGEST}")
"""What Docker takes for an image ID, although `sha256:…` is also a name with a tag."""

_ANY: Final = "**"
_IS_SHORT_ID: Final = partial(re.fullmatch, rf"(?:{'|'.join(_DIGITS)}):[^/]*")
_IS_NAME: Final = partial(re.fullmatch, _NAME)
_IS_DOMAIN: Final = partial(re.fullmatch, _DOMAIN)
_IS_TAG: Final = partial(re.fullmatch, _TAG)
_MEETS_DIGESTS: Final = partial(re.fullmatch, r":[0-9a-f?]*\*[0-9a-f?*]*")
"""A possible tag of digits after a star that could match `@sha256`."""


_IS_LOCAL: Final = partial(re.fullmatch, r"(?:.*\.)?(?:ip6-)?(?:localhost|loopback)[46]?(?:\..*)?")
"""Names that hosts give to loopback (RFC 6761, /etc/hosts of Debian and Fedora)."""

_IS_NUMBER: Final = partial(re.fullmatch, r"(?:.*\.)?(?:0x[0-9a-f]*|[0-9]+)")
"""Other spellings of an address, like 127.1 and 0x7f000001 (inet_aton)."""


class Reference(NamedTuple):
    """A normalised image reference: name with registry, tag and digest; missing parts are empty."""

    name: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference | None:
    """Parse a reference as Docker does; None if it is invalid, an ID, or reserved by the proxy.

    No tag is added. A tag before a digest is dropped, as in ParseDockerRef: engines pull and inspect by the digest
    alone, so a grant of `nginx:1.27` must not allow all images of that repository under that tag.
    """
    match = None if len(text) > _MOST or _IS_ID(text) else _REFERENCE("/".join(_split_domain(text)))
    if match is None or len(match["path"]) > _MOST_OF_PATH or f"{RESERVED}/" in match["name"]:
        return None
    if _has_two_registries(match["name"]) or match["name"].startswith(TRANSPORTS):
        return None
    digest = match["digest"] or ""
    return Reference(match["name"], "" if digest else match["tag"] or "", digest)


def _has_two_registries(name: str) -> bool:
    """Whether a name of Docker Hub would have another registry if written without it, as Docker lists images."""
    registry, _, path = name.partition("/")
    first, slash, _ = path.partition("/")
    return registry == "docker.io" and slash != "" and _is_registry(first)


def with_default_tag(reference: Reference) -> Reference:
    """Return what a reference means to an engine: `latest` if it has neither tag nor digest."""
    return reference if reference.tag or reference.digest else reference._replace(tag="latest")


def split_port(name: str) -> tuple[str, bool]:
    """Return the registry of a normalised reference or pattern, and whether it has a port."""
    registry = name.partition("/")[0]
    return registry, ":" in registry.rpartition("]")[2]


def is_local(name: str) -> bool:
    """Whether a normalised reference is of a registry on loopback, from which Docker pulls without TLS.

    Only DNS knows which other names lead there.
    """
    registry, has_port = split_port(name)
    host = lower(registry.rpartition(":")[0] if has_port else registry)
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return bool(_IS_LOCAL(host) or _IS_NUMBER(host))
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def normalise_pattern(text: str) -> str:
    """Return a glob of normalised references, or an ID.

    The result for an invalid pattern matches at most what was written.
    """
    if text == _ANY or _IS_ID(text):
        return text
    name, tag, digest = _take_apart("/".join(_split_domain(text)))
    if digest:
        return name + digest
    return name + (tag or ("" if name.endswith("*") else ":latest"))


def _split_domain(text: str) -> tuple[str, str]:
    """Split off the registry, like splitDockerDomain. `**` is not a registry, as it may match slashes."""
    first, slash, rest = text.partition("/")
    domain, path = (first, rest) if slash and _is_registry(first) else ("docker.io", text)
    if domain == "index.docker.io":
        domain = "docker.io"
    if domain == "docker.io" and "/" not in path and not path.startswith(_ANY):
        path = f"library/{path}"
    return domain, path


def _is_registry(first: str) -> bool:
    named = first == "localhost" or "." in first or ":" in first or first != lower(first)
    return named and _ANY not in first


def _take_apart(pattern: str) -> tuple[str, str, str]:
    """Return the name, the tag with its colon, and the digest with its @."""
    before, slash, last = pattern.rpartition("/")
    last, at, digest = last.partition("@")
    last, colon, tag = last.partition(":")
    return before + slash + last, colon + tag, at + digest


def fault_of_pattern(item: str) -> str:
    """Return why a pattern matches no image, or others than it seems to; empty if it is valid."""
    if item == _ANY or (_IS_ID(item) and not item.startswith(("sha384:", "sha512:"))):
        return ""
    if _IS_SHORT_ID(item):
        return "an image ID is sha256: and all 64 digits"
    name, tag, digest = _take_apart("/".join(_split_domain(item)))
    return _fault_of_registry(item) or _fault_of_name(name) or _fault_of_tag(name, tag) or _fault_of_digest(digest)


def find_repository(pattern: str) -> str:
    """Return a normalised pattern without tag and digest. If it has neither, signs may match a tag."""
    name, *others = _take_apart(pattern)
    return name if any(others) else re.sub(r"[*?][^/]*\Z", lambda found: "**" if _ANY in found[0] else "*", name)


def _fault_of_registry(text: str) -> str:
    first, slash, _ = text.partition("/")
    named = first if slash else re.split("[:@]", first)[0]
    if slash and first.startswith(TRANSPORTS):
        return f"for Podman, {first.partition(':')[0]}: is not a registry, but reads files of the host"
    if is_literal(named) or (slash and _is_registry(first)):
        return ""
    if _ANY in named or not text.strip("*/"):
        return "the registry is missing: ** alone matches any image, docker.io/** any of Docker Hub"
    return f"the registry is missing: {normalise_pattern(text)}"


def _fault_of_name(name: str) -> str:
    written = _fill(name)
    match = _IS_NAME(written)
    registry, _, path = written.partition("/")
    if match is not None:
        stars = len(name) - len(name.replace("*", ""))
        too_long = len(match["path"]) - stars > _MOST_OF_PATH
        if _has_two_registries(written):
            return "Docker Hub has no image whose name begins like a registry: leave out docker.io/"
        return f"the name of an image has at most {_MOST_OF_PATH} characters" if too_long else ""
    if "://" in name:
        return "a reference begins with the registry, without https://"
    if path != lower(path):
        return "image names are lower case"
    if not _IS_DOMAIN(registry):
        return "the part before the first slash is not a registry; write a host or host:port"
    return "the name of an image is made of a-z and 0-9, with . _ __ - or / in between"


def _fault_of_tag(name: str, tag: str) -> str:
    if tag and not _IS_TAG(_fill(tag[1:])):
        return "a tag has 1 to 128 characters of A-Z a-z 0-9 _ . - and does not begin with . or -"
    if name.endswith("*") and tag.strip(":*") and _MEETS_DIGESTS(tag):
        return "it would match digests too, which end in any digits: write the name or the tag without *"
    return ""


def _fault_of_digest(digest: str) -> str:
    algorithm, colon, digits = digest[1:].partition(":")
    if not colon:
        digits = algorithm[-1:]  # A star at the end may match the colon.
    written = len(digits.replace("*", ""))
    is_one = any(
        fits(algorithm, known) and (written == most or (written < most and "*" in digits))
        for known, most in _DIGITS.items()
    )
    if not digest or (is_one and re.fullmatch("[0-9a-f?*]*", digits)):
        return ""
    return "a digest is sha256: and 64 digits of 0-9 a-f"


def _fill(glob: str) -> str:
    """Return a text that a glob matches. A digit may be anywhere in a reference."""
    return re.sub(r"\*+|\?", "0", glob)
