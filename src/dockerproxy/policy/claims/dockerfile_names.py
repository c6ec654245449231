r"""Write the registry in front of names of images in a Dockerfile, where clients own images.

Docker takes a name without it for one of its hub. So does Podman, if it has that image; else it takes any whose name
ends so, before it asks the hub. What is no such name stays: a stage, an ID, what variables make, a trigger (ONBUILD).

Attack: give an own image a name that ends like what another client's build starts from or copies of, and is not there
-> Defence: that goes on as the name of Docker's hub (test: test_a_build_starts_from_no_image_whose_name_ends_so).
Attack: try beginnings of IDs, `FROM 07`, to read any image of others -> Defence: an ID has twelve digits here (test:
test_a_build_starts_from_no_image_by_the_first_digits_of_its_id), also one of variables (`dockerfile_images.py`).
"""

import re
from collections.abc import Collection
from typing import Final

from dockerproxy.policy.claims.dockerfile_steps import MARK, list_documents
from dockerproxy.policy.claims.images import complete
from dockerproxy.policy.references import parse_reference
from dockerproxy.text import lower

_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+").findall
_SPACE: Final = r"(?:[ \t]|\\[ \t]*\r?\n(?:[ \t]*(?:#[^\r\n]*)?\r?\n)*)+"
"""Between words. Comments and empty lines in the midst of a step are no part of it."""

_WORD: Final = r"[^ \t\r\n\\]+"
_FROM: Final = re.compile(
    rf"""[ \t]*FROM{_SPACE}(?:--{_WORD}{_SPACE})?["']?(?P<image>{_WORD}?)["']?(?=[ \t\r\n\\]|\Z)"""
    rf"(?:{_SPACE}AS{_SPACE}(?P<stage>{_WORD}))?",
    re.IGNORECASE | re.ASCII,
).match
_FLAGGED: Final = re.compile(rf"[ \t]*(?:COPY|RUN)(?P<flags>(?:{_SPACE}--{_WORD})+)", re.IGNORECASE | re.ASCII).match
_FLAG: Final = re.compile(rf"--{_WORD}").sub
_NO_IMAGE: Final = re.compile("scratch|(?:sha256:)?[0-9a-f]{12,64}").fullmatch


def complete_images(content: bytes) -> bytes:
    """Return a Dockerfile whose steps were read without fault, with the registry in its names of images."""
    done, step, documents, stages = list[str](), "", list[str](), list[str]()
    for line in _LINES(content.removeprefix(MARK).decode(errors="surrogateescape")):
        bare = line.strip(" \t\r\n")
        is_none = not bare or bare.startswith("#")
        if documents or (is_none and not step):
            documents = documents[documents[:1] == [line.strip("\t\r\n")] :]
            done.append(line)
        elif is_none or bare.endswith("\\"):
            step += line
        else:
            done.append(_complete_step(step + line, stages))
            step, documents = "", list_documents(step + line)
    done.append(_complete_step(step, stages))
    return "".join(done).encode(errors="surrogateescape")


def _complete_step(step: str, stages: list[str]) -> str:
    """Return a step with its names completed; note the stage that it begins. Only flags call one by its number."""
    found, flagged = _FROM(step), _FLAGGED(step)
    if found is not None:
        name = _complete_name(found["image"], stages)
        stages.append(lower(found["stage"] or ""))
        return f"{step[: found.start('image')]}{name}{step[found.end('image') :]}"
    if flagged is None:
        return step
    numbered = [*stages, *map(str, range(len(stages)))]
    flags = _FLAG(lambda flag: _complete_flag(flag[0], numbered), flagged["flags"])
    return f"{step[: flagged.start('flags')]}{flags}{step[flagged.end() :]}"


def _complete_flag(flag: str, stages: Collection[str]) -> str:
    """Return a flag with the image completed that it names, by itself or as part of a mount."""
    key, equals, value = flag.partition("=")
    if key == "--from":
        return key + equals + _complete_name(value, stages)
    if key != "--mount":
        return flag
    parts = value.split(",")
    said = (f"from={_complete_name(part[5:], stages)}" if part.startswith("from=") else part for part in parts)
    return key + equals + ",".join(said)


def _complete_name(text: str, stages: Collection[str]) -> str:
    """Return the name of an image with its registry; only its tag may be a variable."""
    name, colon, tag = text.partition(":") if "$" in text else (text, "", "")
    if "/" in tag or lower(text) in stages or _NO_IMAGE(lower(text)):
        return text
    return complete(name, parse_reference(name)) + colon + tag
