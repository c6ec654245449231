"""Print or report the result of `diff --at-most`: for each socket, that it is proven, or the lines that are not."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dockerproxy.cli.terminal import Style, count, paint, say
from dockerproxy.config.document import Place
from dockerproxy.policy.model import Source
from dockerproxy.workbench.findings import Finding, Severity, place_of
from dockerproxy.workbench.inclusion import Doubt, find_doubts
from dockerproxy.workbench.replay import Pair

NOT_PROVEN: Final = 3
"""Exit status."""

_MOST_NAMED: Final = 5
"""Operations that are named for one line."""


def run_at_most(pairs: Sequence[Pair], engine: str, names: tuple[str, str], places: Mapping[str, Place]) -> int:
    """Print whether each socket is proven, with the lines that are not; return the exit status.

    Args:
        pairs: The sockets of both policies.
        engine: The difference between the engines; empty if they are the same.
        names: The paths of the policies, the old one first.
        places: The place of each socket in the new policy.
    """
    unproven = 0
    if engine:
        unproven += 1
        say(f"engine: {paint('not proven', Style.DOUBTFUL)}, it is {engine}")
    for pair in pairs:
        found = _find(pair)
        unproven += len(found)
        place = places.get(pair.name)
        where = f" ({place.file}:{place.line})" if found and place is not None else ""
        head = paint(f"socket {pair.name}{where}", Style.STRONG)
        says = "removed" if pair.new is None else "proven"
        say(f"{head}: {paint('not proven', Style.DOUBTFUL) if found else paint(says, Style.GOOD)}")
        for source, why in found:
            say(f"  {paint('not proven', Style.DOUBTFUL)}  {source}: {why}")
    if unproven:
        say("", paint(f"{unproven} not proven", Style.DOUBTFUL))
        return NOT_PROVEN
    say("", paint(f"proven: {names[1]} allows no request that {names[0]} does not", Style.GOOD))
    return 0


def report_at_most(
    pairs: Sequence[Pair], engine: str, file: str, places: Mapping[str, Place]
) -> tuple[int, Sequence[Finding]]:
    """Return the exit status, and the same result as findings, each at a line of the new policy if that is a file."""
    findings = [_report("engine", file, f"it is {engine}")] if engine else []
    for pair in pairs:
        name, place = f"socket {pair.name}", str(places.get(pair.name, file))
        found = _find(pair)
        if not found:
            findings.append(
                Finding(name=f"{name}: {'removed' if pair.new is None else 'proven'}", where=place, rule="")
            )
        for source, says in found:
            where = place_of(file, source)
            findings.append(_report(name, where if where != file else place, f"{source}: {says}"))
    return NOT_PROVEN if any(finding.fails for finding in findings) else 0, findings


def _report(name: str, where: str, says: str) -> Finding:
    text = f"{name}: not proven: {says}"
    return Finding(name=name, where=where, rule="not-proven", level=Severity.WARNING, says=text, fails=True)


def _find(pair: Pair) -> Sequence[tuple[Source, str]]:
    """Return each line or setting that is not proven, with the reason."""
    if pair.new is None:
        return ()
    lines: dict[tuple[Source, str], list[Doubt]] = {}
    for doubt in find_doubts(pair.old, pair.new):
        source = Source(doubt.what) if doubt.case is None else doubt.case.source
        lines.setdefault((source, doubt.why), []).append(doubt)
    return [
        (source, why if doubts[0].case is None else f"{_list(doubt.what for doubt in doubts)}: {why}")
        for (source, why), doubts in lines.items()
    ]


def _list(names: Iterable[str]) -> str:
    named = list(dict.fromkeys(names))
    first, more = named[:_MOST_NAMED], named[_MOST_NAMED:]
    return ", ".join(first) + (f" and {count(len(more), 'other')}" if more else "")
