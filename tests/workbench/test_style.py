"""The style sheet has both colour schemes with enough contrast, and loads nothing."""

import re

import pytest

from dockerproxy.workbench.style import STYLE

LIGHT, DARK = (dict(re.findall(r"--(\w[\w-]*): (#[0-9a-f]+|[0-9 ]+);", part)) for part in STYLE.split("@media")[:2])
ENOUGH = 4.5
"""Of WCAG 2.2, 1.4.3."""


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
    parts = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("front", ["ink", "faint", "accent"])
def test_texts_can_be_read(colours: dict[str, str], front: str) -> None:
    darker, lighter = sorted((luminance(colours[front]), luminance(colours["ground"])))
    assert (lighter + 0.05) / (darker + 0.05) >= ENOUGH


def test_nothing_is_loaded_and_nothing_ends_the_sheet() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert not re.search(r"url\(|@import|<|image-set|src:", STYLE)
    assert ":focus-visible" in STYLE
