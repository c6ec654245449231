"""Fields that clients repeat: dockerode puts all options of a request into its query and into its body.

So `POST /containers/create` has `?name=web&Image=busybox&Cmd=sh&Cmd=-c` and a body with `name`, `Image` and `Cmd`. No
engine looks for a field of the body in the query, or the other way round: not Docker's routers from 1.13 to 29, and not
Podman's compatible handlers from 3.0 to 6.0, which decode the query into a struct of the names that they know and skip
all others. What is repeated is left out of what goes on.

Attack: a repeated field that Podman reads as a parameter, since it takes names in any case (`?Name=` is its `?name=`)
-> Defence: no field is left out whose folded name is a parameter's; it stays unknown
(test: test_no_engine_reads_what_is_left_out).
Attack: a nested name, like `?HostConfig.Binds=` -> Defence: only whole names of the top of the body are known.
"""

import re
from typing import Final

from dockerproxy.api.bodies.fields import Field, Type
from dockerproxy.text import fold

_FIRST: Final = re.compile(r"[^.\[]+")
"""The name at the top of the body in which a field lies."""


def with_repeats(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the fields of an operation together with those that dockerode repeats in the other place."""
    in_body, in_query = dict[str, str](), dict[str, str]()
    for each in fields:
        place = in_query if each.path.startswith("?") else in_body
        if not each.path.startswith(("@", "#")) and each.rule != "aside":
            name = _FIRST.findall(each.path.removeprefix("?"))[0]
            place.setdefault(fold(name), name)
    known = {fold(each.path) for each in fields}
    return (
        *fields,
        *(_repeat(f"?{name}", "body") for key, name in in_body.items() if key not in in_query),
        *(_repeat(name, "query") for key, name in in_query.items() if key not in in_body and key not in known),
    )


def _repeat(path: str, place: str) -> Field:
    return Field(
        path=path, type=Type.STRING, since="1.0", rule="aside", summary=f"is what dockerode repeats of the {place}"
    )
