"""Parse media types (Content-Type) in the grammar of RFC 9110 §8.3.1.

Attacks: docs/attacks.md, wire/media.
"""

import re
from functools import partial
from typing import Final, NamedTuple

from dockerproxy.text import lower

# RFC 9110 §5.6.2, without the star: RFC 2231 splits one parameter into several by it.
_WORD: Final = r"[!#$%&'+.^_`|~0-9A-Za-z-]+"
_PARAMETER: Final = rf'[ \t]*;[ \t]*({_WORD})=({_WORD}|"[\t !#-\[\]-~]+")'
_MEDIA_TYPE: Final = partial(re.fullmatch, rf"({_WORD}/{_WORD})((?:{_PARAMETER})*)")
_PARAMETERS: Final = partial(re.findall, _PARAMETER)


class MediaType(NamedTuple):
    """A media type.

    Attributes:
        name: Type and subtype in lower case, like `application/json`, or empty.
        parameters: Names in lower case, and values without quotes.
    """

    name: str = ""
    parameters: tuple[tuple[str, str], ...] = ()


def read_media_type(value: bytes) -> MediaType | None:
    """Read the value of a Content-Type without blanks around it; None if malformed. An empty one names no type."""
    if not value:
        return MediaType()
    found = _MEDIA_TYPE(value.decode("latin-1"))
    if found is None:
        return None
    parameters = tuple((lower(name), text.strip('"')) for name, text in _PARAMETERS(found[2]))
    if len(dict(parameters)) < len(parameters):
        return None
    return MediaType(lower(found[1]), parameters)
