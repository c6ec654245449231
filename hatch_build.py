"""Take the man page and the completions into the wheel, where packaging/pages.py has made them."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    """What hatchling looks for."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folder, which only a release has: without it, an installation needs nothing but hatchling."""
        del version
        share = Path(self.root, "share")
        if share.is_dir():
            build_data["shared_data"][str(share)] = "share"
