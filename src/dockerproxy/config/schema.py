"""Generate the JSON Schema of policy files, for completion and checks in an editor.

It comes from the tables of the loader. Only the loader checks what parts mean together, like a denial that makes a
grant useless.
"""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.answers import WORDS
from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.groups import GROUPS, PRESET
from dockerproxy.config.presets import PRESETS, find_preset
from dockerproxy.config.values import LIMITS, MAX_ID, Limit, Measure
from dockerproxy.policy.compile import OWN_GRANT
from dockerproxy.policy.model import ASK, Mode
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.values import Takes
from dockerproxy.policy.vocabulary import UNRESTRICTED, find_words
from dockerproxy.policy.words.constraint import Constraint
from dockerproxy.settings import DEFAULTS, MAX_SOCKET_PATH, Sweep
from dockerproxy.tenancy.quota import WORDS as COUNTED

Schema = Mapping[str, object]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_SCALAR: Final = ["string", "number", "boolean"]
"""A name is as written, even `007` or `on`, which YAML reads as something else."""

_PATH: Final = {"type": "string", "pattern": "^/.*[^/]$", "maxLength": MAX_SOCKET_PATH}
_PLACE: Final[Schema] = {"type": "string", "pattern": r'^/([^:,"*?\r\n]*[^/:,"*?\r\n])?$'}
_PERMISSIONS: Final = {"type": ["string", "integer"], "pattern": "^0?[67][0-7]{2}$", "minimum": 0o600, "maximum": 777}
_ID: Final = {"type": ["integer", "string"], "minimum": 0, "maximum": MAX_ID, "pattern": "^(0|[1-9][0-9]{0,9})$"}

_OWNER: Final = {"pattern": "^[a-z0-9][a-z0-9_.-]{0,62}$"}
_UNRESTRICTED: Final = "Opens it whole: the body may be anything. Without it, it is contained."

MODES: Final[Mapping[str, str]] = {
    Mode.ENFORCE: "what is not allowed is denied",
    ASK: "what is not allowed waits until a person allows or denies it; nobody is asked about what `deny` names",
    Mode.REPORT: "what is not allowed passes; the log counts it and says what would allow it",
    Mode.LEARN: "everything passes, and the smallest policy that allows it is written to `LEARN_DIR`",
}

SWEEPS: Final[Mapping[str, str]] = {
    Sweep.NEVER: "only `dockerproxy sweep` does it",
    Sweep.AT_EXIT: "on SIGTERM, after the clients, for up to 30 seconds, unless another proxy took over",
    Sweep.IDLE: "when no client has been connected for 60 seconds, also after a start",
}


def make_schema() -> Schema:
    """Make the schema."""
    engine = "The path of the engine's socket. Without it, the environment says how the engine is found."
    sockets = {
        "description": "The sockets that clients connect to, each under its name; at least one.",
        "type": "object",
        "minProperties": 1,
        "propertyNames": _OWNER,
        "additionalProperties": {"$ref": "#/$defs/socket"},
    }
    return {
        "$schema": DIALECT,
        "title": "policy file of dockerproxy",
        "description": "A socket for each client, and what may be done through it. What is not allowed is denied.",
        **_mapping({"engine": {"description": engine, **_PATH}, "sockets": sockets}, required=["sockets"]),
        "$defs": {"socket": _make_socket(), **_make_grants()},
    }


def _mapping(properties: Schema, **more: object) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


def _lines(of: str, description: str) -> Schema:
    return {"description": description, "type": ["array", "null"], "items": {"$ref": f"#/$defs/{of}"}}


def _make_socket() -> Schema:
    mode = "What happens to a request that is not allowed."
    limits = "What its clients may use, like {rate: 100, body: 4MiB}; the environment says the rest."
    sweep = "When the proxy removes what its clients own."
    hidden = {"anyOf": _offer(WORDS)}
    properties = {
        "path": {"description": "The path of the socket: absolute, at most 107 bytes, different for each.", **_PATH},
        "permissions": {"description": "Who may connect, as a file mode in octal.", "default": "0660", **_PERMISSIONS},
        "owner": {"description": "The owner of the socket file, a uid; without it that of the process.", **_ID},
        "group": {"description": "The group of the socket file, a gid; without it that of the process.", **_ID},
        "own_as": {"description": "Who owns what its clients create; without it the name of the socket.", **_OWNER},
        "own_socket": {"description": "Where the host has this socket: containers get it for the engine's.", **_PLACE},
        "paths": {
            "description": "Directories of the host, by what clients call them.",
            "type": "object",
            "propertyNames": {"pattern": _PLACE["pattern"]},
            "additionalProperties": _PLACE,
        },
        "sweep": {"description": sweep, "default": Sweep.NEVER, "anyOf": _offer(SWEEPS)},
        "mode": {"description": mode, "default": Mode.ENFORCE, "anyOf": _offer(MODES)},
        "limits": _mapping({limit.name: _make_limit(limit) for limit in LIMITS}, description=limits),
        "quota": _make_quota(),
        "allow": _lines("grant", "What clients may do; the order has no meaning. [] allows nothing."),
        "deny": _lines("word", "What clients may not do, whatever is allowed."),
        "hide": {"description": "What is left out of the engine's answers.", "type": "array", "items": hidden},
    }
    learns = {"required": ["mode"], "properties": {"mode": {"const": Mode.LEARN}}}
    return _mapping(properties, required=["path"], **{"if": learns, "else": {"required": ["allow"]}})


_MEASURES: Final[Mapping[Measure, Schema]] = {
    Measure.NUMBER: {"type": ["string", "integer"], "pattern": "^0*[1-9][0-9]{0,6}$", "minimum": 1},
    Measure.BYTES: {"type": ["string", "integer"], "pattern": "^[1-9][0-9]{0,14}(B|KiB|MiB|GiB|TiB)?$", "minimum": 1},
    Measure.SECONDS: {
        "type": ["string", "number"],
        "pattern": r"^(?=.*[1-9])[0-9]{1,6}(\.[0-9]+)?$",
        "exclusiveMinimum": 0,
    },
}


def _make_limit(limit: Limit) -> Schema:
    said = {"description": f"{limit.measure.capitalize()}: {limit.says}.", "default": getattr(DEFAULTS, limit.name)}
    return {**said, **_MEASURES[limit.measure]}


def _make_quota() -> Schema:
    says = "How much its clients may own at one time, together with others of the same owner, like {containers: 20}."
    words = {word: {"description": f"At most: {summary}.", **_TAKEN[Takes.AMOUNT]} for word, summary in COUNTED.items()}
    return _mapping(words, description=says, minProperties=1)


def _make_grants() -> Mapping[str, Schema]:
    """Make what a grant can be. Each set of conditions stands once, for all words that can have it."""
    words = _list_words()
    own = "everything that can be done to what clients of this socket created"
    words[OWN] = own, OWN_GRANT.operations
    sets: list[Schema] = []
    grants = {}
    for word, (says, operations) in words.items():
        borne = _make_conditions(operations)
        sets += [] if borne in sets else [borne]
        grants[word] = {"description": says, "$ref": f"#/$defs/conditions-{sets.index(borne)}"}
    conditions = "Words, each with its conditions: a request must keep to all of them."
    return {
        "word": {
            "description": "An operation, a section with :read or :write, or preset:NAME.",
            "anyOf": _offer({word: says for word, (says, _) in words.items() if word != OWN}),
        },
        "grant": {
            "anyOf": [
                {"$ref": "#/$defs/word"},
                *_offer({OWN: own}),
                _mapping(grants, description=conditions, minProperties=1),
            ]
        },
        **{f"conditions-{number}": each for number, each in enumerate(sets)},
        "list": {"type": "array", "minItems": 1, "items": {"type": _SCALAR}},
    }


def _offer(words: Mapping[str, str]) -> list[Schema]:
    """Offer words with what each says. As an `enum`, an editor would show all of them for any one."""
    return [{"const": word, "description": says} for word, says in words.items()]


def _list_words() -> dict[str, tuple[str, frozenset[str]]]:
    """Return every word of a grant with what it says and the operations that it stands for."""
    words = {}
    for preset in map(find_preset, PRESETS):
        words[PRESET + preset.name] = preset.about, frozenset().union(*(grant.operations for grant in preset.grants))
    for word, operations in GROUPS.items():
        section, _, access = word.partition(":")
        if operations:
            says = f"all {len(operations)} operations of {section} that {access}"
            words[word] = OPERATIONS[min(operations)].says if len(operations) == 1 else says, operations
    return {**words, **{name: (operation.says, frozenset({name})) for name, operation in OPERATIONS.items()}}


def _make_conditions(operations: frozenset[str]) -> Schema:
    words: dict[str, Constraint] = {}
    for name, operation in OPERATIONS.items():
        if name in operations:
            words = {**find_words(operation), **words}
    properties = {name: _make_condition(word) for name, word in sorted(words.items())}
    conditions = {"type": ["object", "null"], "additionalProperties": False, "properties": properties}
    if not operations & CONTAINED:
        return conditions
    properties[UNRESTRICTED.word] = {"description": _UNRESTRICTED, "const": True}
    return {"anyOf": [{"description": _UNRESTRICTED, "const": UNRESTRICTED.word}, conditions]}


def _make_condition(word: Constraint) -> Schema:
    if word.takes is Takes.CHOICE:
        return {"description": word.summary, "anyOf": [{"const": choice} for choice in word.choices]}
    return {"description": word.summary, **_TAKEN[word.takes]}


_LIST: Final[Schema] = {"$ref": "#/$defs/list"}

_TAKEN: Final[Mapping[Takes, Schema]] = {
    Takes.FLAG: {"type": "boolean"},
    Takes.YES: {"const": True},
    Takes.AMOUNT: {"type": ["string", "number"]},
    Takes.TEXTS: {"type": "object", "minProperties": 1, "additionalProperties": {"type": _SCALAR}},
    Takes.LABELS: {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"anyOf": [{"type": _SCALAR}, _LIST]},
    },
    Takes.LISTS: {"type": "array", "minItems": 1, "items": _LIST},
    Takes.PORTS: _mapping({"ports": _LIST, "addresses": _LIST}, minProperties=1),
    Takes.ITEMS: _LIST,
}
