"""A hook of MkDocs: what is shown beside the pages, made from the index that people read in the tree."""

import re
from pathlib import Path
from typing import Any

_GROUP = re.compile(r"^\*\*(.+)\*\*$|^\| .* \| \[(.+)\]\((.+\.md)\) \|$", re.MULTILINE)
_OTHERS = (
    *("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"),
    *("examples/README.md", "conformance/README.md"),
)


def on_config(config: Any) -> Any:
    """Put the pages of docs/README.md in its groups, and the rest of the tree's pages below."""
    nav: list[Any] = ["README.md", {"Documentation": "docs/README.md"}]
    for group, title, page in _GROUP.findall(Path(config["docs_dir"], "docs/README.md").read_text()):
        if group:
            nav.append({group: []})
        else:
            nav[-1][next(iter(nav[-1]))].append({title.capitalize(): f"docs/{page}"})
    config["nav"] = [*nav, {"Project": list(_OTHERS)}]
    return config
