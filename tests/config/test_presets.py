"""Presets are policy files in small: they are found by name, build on each other, and say what they are about."""

from pathlib import Path

import pytest
from rows import for_each

from dockerproxy.config.presets import (
    FOLDER,
    MOST_ABOUT,
    PRESETS,
    SHELF,
    find_preset,
    list_presets,
    read_preset,
    read_preset_text,
)
from dockerproxy.policy.model import Grant, Source
from dockerproxy.problems import UserError

# Those that come with the program


@for_each("name", PRESETS)
def test_a_preset_of_the_program_is_read_without_a_mistake(name: str) -> None:
    preset = find_preset(name)
    assert preset.name == name
    assert 0 < len(preset.about) <= MOST_ABOUT
    assert preset.grants == SHELF.find(name)
    assert {str(grant.source) for grant in preset.grants} == {f"preset:{name}"}


@for_each("name", PRESETS)
def test_the_text_of_a_preset_begins_with_where_its_need_was_read(name: str) -> None:
    text = read_preset_text(name)
    assert text.startswith("# ")
    assert f"\nabout: {find_preset(name).about}\n" in text


def test_presets_are_listed_by_name() -> None:
    assert list_presets(FOLDER) == PRESETS == SHELF.names
    assert list(PRESETS) == sorted(PRESETS)
    assert {"ping", "read-only"} <= set(PRESETS)


# Any


def write(folder: Path, **presets: str) -> str:
    for name, text in presets.items():
        (folder / f"{name}.yaml").write_text(text)
    (folder / "notes.txt").write_text("no preset")
    return str(folder)


def problems_of(folder: Path, **presets: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        read_preset("a", write(folder, **presets))
    return [str(problem) for problem in caught.value.problems]


def test_what_is_granted_under_the_same_conditions_is_one_grant(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        a="about: a\nallow: [preset:b, ContainerStart, ContainerLogs: {follow: false}, TaskLogs: {follow: false}]",
        b="about: b\nallow: [ContainerList, ContainerStart]",
    )
    assert list_presets(folder) == ("a", "b")
    plain, conditional = read_preset("a", folder).grants
    assert plain == Grant(frozenset({"ContainerList", "ContainerStart"}), Source("preset:a"))
    assert conditional.operations == {"ContainerLogs", "TaskLogs"}
    assert [str(condition) for condition in conditional.conditions] == ["follow is false"]


def test_presets_do_not_go_in_a_circle(tmp_path: Path) -> None:
    one = "about: x\nallow: [preset:b]"
    assert problems_of(tmp_path, a=one, b="about: x\nallow: [preset:c]", c="about: x\nallow: [preset:b]") == [
        "presets/c.yaml: builds on itself: a > b > c > b\n    remove one"
    ]
    assert problems_of(tmp_path, a="about: x\nallow: [preset:a]") == [
        "presets/a.yaml: builds on itself: a > a\n    remove one"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "presets/a.yaml: missing about or allow"),
        ("about: x", "presets/a.yaml: missing about or allow"),
        ("about: x\nallow: []", "presets/a.yaml: missing about or allow"),
        ("allow: [ContainerList]", "presets/a.yaml: missing about or allow"),
        (f"about: {'x' * 101}\nallow: [ContainerList]", "presets/a.yaml:1:8: about is longer than 100 characters"),
        (
            "about: x\nallow: [ContainerList]\ndeny: [ContainerList]",
            "presets/a.yaml:3:1: unknown key 'deny' of a preset\n    use one of about, allow",
        ),
        (
            "about: x\nallow: [preset:c]",
            "presets/a.yaml:2:9: unknown preset 'preset:c'\n    run `dockerproxy presets` to list them",
        ),
    ],
)
def test_a_mistake_in_a_preset_is_told_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    assert problems_of(tmp_path, a=text, abc="about: x\nallow: [ContainerList]") == [problem]


def test_a_mistake_in_a_preset_below_is_told_with_that_ones_place(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, a="about: x\nallow: [preset:b]", b="about: x\nallow: [ContainerLst]")
    assert problem.startswith("presets/b.yaml:2:9: unknown operation 'ContainerLst'")
