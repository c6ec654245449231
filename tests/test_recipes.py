"""The recipes: lines to paste for agents and CI runners, each with what to set there and what stays open."""

import re
from pathlib import Path
from typing import Final

from dockerproxy.config.policy_file import read_policy_file
from dockerproxy.config.presets import PRESETS, read_preset_text

FILE: Final = Path(__file__).parent.parent / "examples" / "recipes" / "policy.yaml"
NAMES: Final = (
    *("claude-code", "codex", "copilot", "gemini-cli", "openhands", "devcontainers", "gitlab-runner"),
    *("github-runner", "renovate"),
)
VERSION: Final = re.compile(r"@[0-9a-f]{7}|read \d{4}-\d\d-\d\d").search
"""A commit, or of documentation the day."""


def test_each_is_valid_and_gives_a_program_only_what_it_created_itself() -> None:
    sockets = {socket.name: socket for socket in read_policy_file(str(FILE)).sockets}
    assert tuple(sockets) == NAMES
    for name, socket in sockets.items():
        assert (socket.path, socket.policy.owner) == (f"/proxied/{name}/docker.sock", name)
        assert socket.policy.policy.places.own_socket in {"", f"/run/dockerproxy/{name}/docker.sock"}


def test_each_says_what_to_set_what_stays_open_and_where_that_was_read() -> None:
    parts = re.findall(r"(?:^  # .*\n)+(?=  [\w-]+:$)", FILE.read_text(), re.MULTILINE)
    assert len(parts) == len(NAMES)
    for part in parts:
        assert [word for word in ("  # Set: ", "  # Open: ", "  # From: ") if word not in part] == [], part
        presets = re.findall(r"preset:([\w-]+)", part)
        assert {*presets} <= {*PRESETS}
        sources = [part.partition("  # From: ")[2], *map(read_preset_text, presets)]
        assert any(map(VERSION, sources)), f"{part} has no version of what was read"
