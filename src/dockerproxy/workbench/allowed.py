"""List what a policy allows, by section and conditions, and which operations a grant unexpectedly does not cover."""

from collections.abc import Iterable, Iterator

from dockerproxy.api.bodies.tables import SEALED
from dockerproxy.api.catalog import OPERATIONS, SECTIONS
from dockerproxy.config.groups import GROUPS, PRESET
from dockerproxy.config.presets import PRESETS, find_preset
from dockerproxy.policy.compile import CompiledPolicy, describe_conditions
from dockerproxy.policy.model import Source
from dockerproxy.tenancy.quota import BUILDS
from dockerproxy.workbench.dangers import is_whole


def list_allowed(policy: CompiledPolicy) -> Iterator[str]:
    """Yield the allowed operations: a line per section, and one for all operations under the same conditions."""
    for section in SECTIONS:
        names = [name for name, operation in OPERATIONS.items() if operation.section == section]
        by_conditions: dict[str, list[str]] = {"": []}
        for name in filter(policy.allows, names):
            by_conditions.setdefault(_describe(policy, name), []).append(name)
        count = sum(map(len, by_conditions.values()))
        if not count:
            continue
        head = f"  {section:<18} {count:>2} of {len(names):<2}  "
        for conditions, those in by_conditions.items():
            if those:
                which = "all" if len(those) == len(names) else ", ".join(those)
                yield f"{head}{conditions}{which}"
                head = " " * len(head)


def _describe(policy: CompiledPolicy, name: str) -> str:
    """Return the conditions of an operation, and whether it is contained; empty if all requests are allowed."""
    ways: dict[str, None] = {}
    for case in policy.cases[name]:
        conditions = describe_conditions(case.conditions)
        parts = (*(() if is_whole(case) else ("contained",)), *((f"if {conditions}",) if conditions else ()))
        ways[", ".join(parts)] = None
    return "" if "" in ways else f"{' or '.join(ways)}: "


def list_left_out(policy: CompiledPolicy, unsaid: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield operations that a grant of many does not cover, and no other grant allows, except those in `unsaid`.

    They cannot have the conditions of the grant, or they need an unrestricted one.
    Operations that a denial removes are not listed.
    """
    denied = unsaid.union(*(denial.operations for denial in policy.policy.denials))
    covered: dict[Source, set[str]] = {}
    for grant in policy.policy.grants:
        covered.setdefault(grant.source, set()).update(grant.operations)
    for source, names in covered.items():
        missing = _list_refused(policy, _find_group(source.word) - names - denied)
        if missing:
            yield f"  {source} does not cover operations without its conditions: {', '.join(missing)}"
        sealed = _list_refused(policy, (names & SEALED.keys()) - denied)
        if sealed:
            yield f"  {source} covers these only if unrestricted: {', '.join(sealed)}"
        evading = {name for name in names - SEALED.keys() if policy.policy.tenancy.refuses(name, is_open=False)}
        uncounted = _list_refused(policy, evading - denied)
        if uncounted:
            yield f"  {source} does not cover operations that the quota cannot count: {', '.join(uncounted)}"
    builds = list(filter(policy.allows, BUILDS))
    if builds and "containers" in policy.policy.tenancy.most:
        yield f"  quota does not count the containers of classic builds, and BuildKit makes none: {', '.join(builds)}"


def _list_refused(policy: CompiledPolicy, names: Iterable[str]) -> list[str]:
    """Return the operations that no grant allows, in the order of the catalog."""
    refused = {name for name in names if not policy.allows(name)}
    return [name for name in OPERATIONS if name in refused]


def _find_group(word: str) -> frozenset[str]:
    """Return the operations of the group that a line names; empty if it names none."""
    name = word.removeprefix(PRESET)
    if name != word and name in PRESETS:
        return frozenset().union(*(grant.operations for grant in find_preset(name).grants))
    return GROUPS.get(word, frozenset())
