"""What dockerode repeats of a body in the query, and of the query in a body, is what no engine looks for there."""

from drift.facts import read_names
from drift.gaps import EXCUSED
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES, read_fields, with_repeats
from dockerproxy.text import fold

FIELDS = read_fields("""
Name              string   1.0   any    | is its name
Host.Binds[]      string   1.15  unset  | mounts
Labels.*          string   1.18  any    | are labels
Client            string   1.18  aside  | is the client's
Tag               string   1.0   aside  | is repeated
@State            string   1.0   any    | is its state
?NAME             string   1.0   any    | is its name
?t[]              string   1.0   any    | are names
?tag              string   1.0   any    | is a tag
""")

REPEATING = [
    *("ConfigCreate", "ConfigUpdate", "ContainerCreate", "NetworkCreate"),
    *("SecretCreate", "SecretUpdate", "ServiceUpdate", "VolumeCreate"),
]
"""Operations whose path ends in `?` in dockerode's `lib`, and whose body an engine reads; besides sealed ones."""


def test_each_field_is_left_out_in_the_other_place_unless_it_has_a_meaning_there() -> None:
    repeated = with_repeats(FIELDS)[len(FIELDS) :]
    assert [field.path for field in repeated] == ["?Host", "?Labels", "t"]
    assert {field.rule for field in repeated} == {"aside"}


def test_repeats_are_known_where_dockerode_makes_them_and_nowhere_else() -> None:
    dropped = {name for name, body in BODIES.items() if any(each.rule == "aside" for each in body.parameters.values())}
    assert sorted(dropped) == REPEATING


@for_each("name", REPEATING)
def test_no_engine_reads_what_is_left_out(name: str) -> None:
    """Podman takes the names of parameters in any case."""
    body = BODIES[name]
    dropped = {fold(each) for each, field in body.parameters.items() if field.rule == "aside"}
    judged = {fold(each.removesuffix("[]")) for each, field in body.parameters.items() if field.rule != "aside"}
    compared = [fact for fact in read_names() if fact.operation == name and fact.where == "query"]
    read = {fold(fact.field) for fact in compared if f"{name} {fact.field}" not in EXCUSED}
    assert not dropped & (read | judged)
    assert read <= judged
