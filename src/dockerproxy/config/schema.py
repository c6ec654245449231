"""Generate the JSON Schema of policy files, for completion and checks in an editor.

`schema.json` has the fixed parts, and this module adds the loader's tables. Only the loader checks combinations, like a
denial that makes a grant useless.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, Final

from dockerproxy.api.answers import WORDS
from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.document import read_file
from dockerproxy.config.groups import GROUPS, PRESET
from dockerproxy.config.presets import PRESETS, find_preset
from dockerproxy.config.values import LIMITS
from dockerproxy.policy.compile import OWN_GRANT
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.values import Takes
from dockerproxy.policy.vocabulary import UNRESTRICTED, find_words
from dockerproxy.policy.words.constraint import Constraint
from dockerproxy.settings import DEFAULTS
from dockerproxy.tenancy.quota import BOUNDS
from dockerproxy.tenancy.quota import WORDS as COUNTED

Schema = dict[str, Any]

_UNRESTRICTED: Final = "Allows the whole operation, with any body. Without it, it is contained."


def make_schema() -> Schema:
    """Make the schema. Each set of conditions is defined once, for all words that support it."""
    parts = json.loads(read_file(os.path.join(os.path.dirname(__file__), "schema.json")))
    schema: Schema = parts["schema"]
    taken, measures, definitions = parts["taken"], parts["measures"], schema["$defs"]
    socket, (_, own, grant) = definitions["socket"]["properties"], definitions["grant"]["anyOf"]
    socket["hide"]["items"]["anyOf"] = _offer(WORDS)
    socket["quota"]["properties"] = {
        word: {"description": f"At most: {summary}.", **taken[Takes.AMOUNT]}
        for word, summary in (*COUNTED.items(), *BOUNDS.items())
    }
    for limit in LIMITS:
        said = {"description": f"{limit.measure.capitalize()}: {limit.says}.", "default": getattr(DEFAULTS, limit.name)}
        socket["limits"]["properties"][limit.name] = {**said, **measures[limit.measure]}
    words = _list_words()
    definitions["word"]["anyOf"] = _offer({word: says for word, (says, _) in words.items()})
    words[OWN] = own["description"], OWN_GRANT.operations
    sets: list[Schema] = []
    for word, (says, operations) in words.items():
        borne = _make_conditions(operations, taken)
        sets += [] if borne in sets else [borne]
        grant["properties"][word] = {"description": says, "$ref": f"#/$defs/conditions-{sets.index(borne)}"}
    named = {f"conditions-{number}": each for number, each in enumerate(sets)}
    items = {"list": definitions.pop("list")}
    return {**schema, "$defs": {**definitions, **named, **items}}


def _offer(words: Mapping[str, str]) -> list[Schema]:
    """Offer words with a description each. With an `enum`, an editor would show all descriptions for each word."""
    return [{"const": word, "description": says} for word, says in words.items()]


def _list_words() -> dict[str, tuple[str, frozenset[str]]]:
    """Return every word of a grant with its description and operations."""
    words = {}
    for preset in map(find_preset, PRESETS):
        words[PRESET + preset.name] = preset.about, frozenset().union(*(grant.operations for grant in preset.grants))
    for word, operations in GROUPS.items():
        section, _, access = word.partition(":")
        if operations:
            says = f"all {len(operations)} operations of {section} that {access}"
            words[word] = OPERATIONS[min(operations)].says if len(operations) == 1 else says, operations
    return {**words, **{name: (operation.says, frozenset({name})) for name, operation in OPERATIONS.items()}}


def _make_conditions(operations: frozenset[str], taken: Schema) -> Schema:
    words: dict[str, Constraint] = {}
    for name, operation in OPERATIONS.items():
        if name in operations:
            words = {**find_words(operation), **words}
    properties: Schema = {}
    for name, word in sorted(words.items()):
        choices = {"anyOf": [{"const": choice} for choice in word.choices]}
        properties[name] = {"description": word.summary, **taken.get(word.takes, choices)}
    conditions = {"type": ["object", "null"], "additionalProperties": False, "properties": properties}
    if not operations & CONTAINED:
        return conditions
    properties[UNRESTRICTED.word] = {"description": _UNRESTRICTED, "const": True}
    return {"anyOf": [{"description": _UNRESTRICTED, "const": UNRESTRICTED.word}, conditions]}
