"""A hook of MkDocs: options of commands stay whole where a line of code wraps, which may be after any hyphen."""

import re
from typing import Any

_CODE = re.compile(r"<code>.*?</code>", re.DOTALL)
_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def on_page_content(html: str, **_: Any) -> str:
    """Mark the options in code for style.css."""
    return _CODE.sub(lambda code: _OPTION.sub(r'<span class="option">\g<0></span>', code[0]), html)
