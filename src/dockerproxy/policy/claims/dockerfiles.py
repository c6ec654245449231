"""Steps of a Dockerfile that reach further than a build: the host's network and files, what other builds left.

Only Podman's builder (imagebuilder, buildah) does what is refused here; Docker's classic one knows none of it. So all
is read as Podman does: it joins lines (`dockerfile_steps.py`), puts variables into flags and images
(`dockerfile_images.py`), and drops quotes and what is escaped. An image that a build starts from may hold steps of its
own, in its ONBUILD, and they cannot be seen from here.

- Attack: a flag that is spelled with a variable, a quote or an escape → Defence: only flags that are spelled out are
  let through, and of their values only plain ones
  (test: test_a_flag_that_could_reach_the_host_is_seen_however_it_is_spelled).
- Attack: a flag inside the value of another, which buildah takes for one (`--exclude=tarball:/x--from`) → Defence: no
  value holds two dashes (test: the same).
- Attack: an image that is a file of the host, `dir:/etc` → Defence: its name begins with no transport
  (test: test_no_image_is_read_from_the_host).
- Attack: a mount of a cache, which others share, or of the host → Defence: a list of what a mount may say
  (test: test_a_step_mounts_only_its_context_other_stages_and_memory).
- Attack: an ADD of a Git repository: Podman 5.3 to 5.8.2 reads its part `https://x/y.git#main:../../etc` from the host
  (CVE-2026-44517), up to 5.4 any that cannot be fetched; or of what a variable makes one, as in `["https://x/y,z$A",""]`
  → Defence: none, and no variable where an address is or may be (test: test_no_repository_is_added).
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from dockerproxy.policy.claims.dockerfile_images import Variables
from dockerproxy.policy.claims.dockerfile_steps import Budget, Step, UnclearError, read_steps, show
from dockerproxy.policy.claims.labels import find_in_instruction

_ADDRESSES: Final = ("http://", "https://")
_IS_REPOSITORY: Final = re.compile(r"\.git(?:#|\Z)").search

_QUOTES: Final = str.maketrans("", "", "\"'\\")
_SPACES: Final = re.compile("[ \t]+")
_BETWEEN: Final = re.compile(r"[ \t,\[\]]+")

_IS_GUESSED: Final = re.compile(r"\bfrom=(?:sha256:)?[0-9a-f]{0,11}(?:,|\Z)", re.ASCII).search
_PLAIN: Final = re.compile(r"(--[a-z-]+)(?:=([^\"'\\`]*))?")


def find_reach(content: bytes, given: Mapping[str, str] | None, steps: list[Step] | None = None) -> str:
    """Say what in a Dockerfile reaches further than a build may, as a clause; empty if nothing does.

    `given` is what the client sets its variables to, or None if that is not clear; `steps` gets its steps.
    """
    budget, steps = Budget(), [] if steps is None else steps
    try:
        steps += read_steps(content, budget)
        variables = Variables(given, [step.rest for step in steps if step.name == "ARG"], budget)
        faults = (_look_at_flags(step) or _look_at_rest(step, variables, budget) for step in steps)
        return next(filter(None, faults), "")
    except UnclearError as error:
        return str(error)


def _look_at_flags(step: Step) -> str:
    """Look at the flags of a step."""
    for flag in step.flags:
        plain = _PLAIN.fullmatch(flag)
        allowed = _FLAGS[step.name].get(plain[1]) if plain is not None else None
        if plain is None or allowed is None:
            known = ", ".join(_FLAGS[step.name]) or "its flags"
            return f"has a step with {step.name} {show(flag)}, not one of {known}, spelled out"
        fault = allowed(plain[2] or "") or ("which may be any image" if step.is_trigger and _IS_GUESSED(flag) else "")
        if fault:
            return f"has a step with {step.name} {show(flag)}, {fault}"
    return ""


def _look_at_rest(step: Step, variables: Variables, budget: Budget) -> str:
    """Look at the image that a stage starts from, at labels, or at what is added."""
    if step.name == "ADD":
        return _look_at_added(step.rest, budget)
    if step.name != "FROM":
        return find_in_instruction(step.rest) if step.name == "LABEL" else ""
    image = step.rest.replace("\t", " ").partition(" ")[0]
    fault = variables.look(image) if step.rest.isascii() else "has a non-ASCII character"
    return f"has a step with FROM {show(image)}, which {fault}" if fault else ""


def _look_at_added(rest: str, budget: Budget) -> str:
    """Look at what an ADD takes its files from; in a list, where any sign may be in a name, at all that is in it."""
    is_list = rest.startswith("[")
    sources = _BETWEEN.split(rest) if is_list else _SPACES.split(rest.rstrip(" \t"))[:-1]
    budget.spend(len(sources))
    has_address = any(map(rest.translate(_QUOTES).__contains__, _ADDRESSES))
    for source in sources:
        begun, variable, _ = source.translate(_QUOTES).partition("$")
        may_be_any = variable and (has_address or any(each.startswith(begun) for each in _ADDRESSES))
        if may_be_any or (has_address and _IS_REPOSITORY(begun)) or (is_list and "\\" in source):
            says = "an address with a variable or of a Git repository, for which Podman may read files of the host"
            return f"has a step with ADD {show(source)}, {says}; fetch it in a RUN"
    return ""


def _take(value: str) -> str:
    """Let pass what says nothing of the host."""
    return "which Podman reads as another flag" if "--" in value else ""


def _look_at_network(value: str) -> str:
    return "" if value in {"none", "default"} else "which may be the host's network"


def _look_at_image(value: str) -> str:
    fault = Variables(None, (), Budget()).look(value)
    return f"which {fault}" if fault else ""


def _look_at_mount(value: str) -> str:
    """Look at a mount: something of the context, of an image or another stage, or memory."""
    if "$" in value:
        return "but a mount cannot contain variables"
    for item in value.split(","):
        key, _, said = item.partition("=")
        if key not in _OF_MOUNTS:
            return f"but a mount can only have {', '.join(sorted(_OF_MOUNTS))}"
        if key == "type" and said not in {"bind", "tmpfs"}:
            return "but only bind and tmpfs are allowed: other builds share a cache"
        fault = _look_at_image(said) if key == "from" else ""
        if fault:
            return fault
    return ""


_OF_MOUNTS: Final = frozenset(
    {
        *("type", "target", "dst", "destination", "source", "src", "from"),
        *("ro", "readonly", "rw", "readwrite", "size", "tmpfs-size"),
    }
)

_COPIED: Final = dict.fromkeys(("--chown", "--chmod", "--link", "--exclude"), _take)
_FLAGS: Final[Mapping[str, Mapping[str, Callable[[str], str]]]] = {
    "RUN": {"--mount": _look_at_mount, "--network": _look_at_network},
    "FROM": {"--platform": _take},
    "COPY": {"--from": _look_at_image, **_COPIED, "--parents": _take},
    "ADD": {**_COPIED, "--checksum": _take, "--keep-git-dir": _take},
    "ARG": {},
    "LABEL": {},
}
"""Flags of an instruction, with what says why a value may not be."""
