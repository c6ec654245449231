"""Read the parameters of a request by name, and leave out those at which no engine looks.

Attack: a parameter that is left out of what is judged, but still goes on -> Defence: what is left out has no values in
what goes on (test: test_what_no_engine_reads_goes_no_further).
Attack: a parameter that counts, in another spelling of one that is left out -> Defence: names are compared exactly;
another spelling is unknown (test: test_another_spelling_is_not_left_out).
"""

from collections.abc import Iterable, Mapping

from dockerproxy.api.bodies.fields import Field
from dockerproxy.wire.document import Json


def read_parameters(
    query: Iterable[tuple[str, str]], known: Mapping[str, Field]
) -> tuple[dict[str, list[str]], dict[str, tuple[str, ...]]]:
    """Return the values of each decoded parameter that is judged, and those that are left out, with no values."""
    given, dropped = dict[str, list[str]](), dict[str, tuple[str, ...]]()
    for name, value in query:
        if name in known and known[name].rule == "aside":
            dropped[name] = ()
        else:
            given.setdefault(name, []).append(value)
    return given, dropped


def write_values(value: Json) -> tuple[str, ...]:
    """Return the values with which a parameter goes on after it was checked: none if nothing is left of it."""
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)
