"""What `diff --at-most` says: whether it is proven that a policy allows no request that another one does not."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from dockerproxy.cli.terminal import Style, count, paint, say
from dockerproxy.config.document import Place
from dockerproxy.policy.phases import Verdict
from dockerproxy.workbench.findings import Finding, Severity, place_of_source
from dockerproxy.workbench.proof import Doubt, find_doubts
from dockerproxy.workbench.replay import Pair
from dockerproxy.workbench.witness import Witness, find_witness

STATUSES: Final = {Style.GOOD: 0, Style.BAD: 1, Style.DOUBTFUL: 3}
"""Exit statuses; 2 is for mistakes."""

_KINDS: Final = {Style.BAD: ("counterexample", Severity.ERROR), Style.DOUBTFUL: ("not-proven", Severity.WARNING)}
"""Rules and levels of findings, gravest first."""

_MOST_NAMED: Final = 5
"""Operations of one line that are named."""


class _Shown(NamedTuple):
    """What one line of a policy may allow more, or one setting, and a request that shows it, if one was found."""

    doubts: tuple[Doubt, ...]
    shown: Doubt
    witness: Witness | None

    @property
    def source(self) -> str:
        """The line, or the setting."""
        return self.shown.what if self.shown.case is None else self.shown.case.decision.source

    @property
    def style(self) -> Style:
        """How grave it is."""
        return Style.DOUBTFUL if self.witness is None else Style.BAD


def run_at_most(pairs: Sequence[Pair], engine: str, names: tuple[str, str], places: Mapping[str, Place]) -> int:
    """Print what is proven of each socket of two policies, and what is not; return the exit status.

    How the engine differs is empty if it does not. The names are those of the policies, the old one first; the places
    are those of sockets in the new one.
    """
    found = Counter[Style]()
    if engine:
        found[Style.DOUBTFUL] += 1
        say(f"engine: {paint('not proven', Style.DOUBTFUL)}, it is {engine}")
    for pair in pairs:
        found += _print_socket(pair, places)
    shown, unproven, style = found[Style.BAD], found[Style.DOUBTFUL], _find_gravest(found)
    if shown:
        said = f"{count(shown, 'counterexample')}{f', and {unproven} not proven' if unproven else ''}"
    elif unproven:
        said = f"{unproven} not proven, though no request was found that shows otherwise"
    else:
        said = f"proven: {names[1]} allows no request that {names[0]} does not"
    say("", paint(said, style))
    return STATUSES[style]


def report_at_most(
    pairs: Sequence[Pair], engine: str, file: str, places: Mapping[str, Place]
) -> tuple[int, Sequence[Finding]]:
    """Return the exit status, and the same as findings, each at a line of the new policy, if that is a file."""
    findings, found = [], Counter[Style]()
    if engine:
        found[Style.DOUBTFUL] += 1
        findings.append(_report("engine", file, Style.DOUBTFUL, f"not proven: it is {engine}"))
    for pair in pairs:
        name, place = f"socket {pair.name}", str(places.get(pair.name, file))
        unproven = list(_find(pair))
        if not unproven:
            findings.append(
                Finding(name=f"{name}: {'removed' if pair.new is None else 'proven'}", where=place, rule="")
            )
        for each in unproven:
            found[each.style] += 1
            where = place if each.shown.case is None else place_of_source(file, each.source)
            findings.append(_report(name, where, each.style, f"{name}: {_summarise(each)}"))
    return STATUSES[_find_gravest(found)], findings


def _report(name: str, where: str, style: Style, says: str) -> Finding:
    rule, level = _KINDS[style]
    return Finding(name=name, where=where, rule=rule, level=level, says=says, fails=True)


def _find_gravest(found: Counter[Style]) -> Style:
    return next((style for style in _KINDS if found[style]), Style.GOOD)


def _print_socket(pair: Pair, places: Mapping[str, Place]) -> Counter[Style]:
    if pair.new is None:
        say(f"{paint(f'socket {pair.name}', Style.STRONG)}: {paint('removed', Style.GOOD)}")
        return Counter()
    findings = list(_find(pair))
    styles = Counter(finding.style for finding in findings)
    word, style = ("allows more", Style.BAD) if styles[Style.BAD] else ("not proven", Style.DOUBTFUL)
    place = places.get(pair.name)
    where = f" ({place.file}:{place.line})" if findings and place is not None else ""
    head = paint(f"socket {pair.name}{where}", Style.STRONG)
    say(f"{head}: {paint(word, style) if findings else paint('proven', Style.GOOD)}")
    for finding in findings:
        say(*_describe(finding))
    return styles


def _find(pair: Pair) -> Iterator[_Shown]:
    """Find a request for each line that may allow more; for a socket that is new, one at all."""
    if pair.new is None:
        return
    lines: dict[tuple[str, str], list[Doubt]] = {}
    for doubt in find_doubts(pair.old, pair.new):
        source = doubt.what if doubt.case is None else doubt.case.decision.source
        lines.setdefault((source, "" if pair.old is None else doubt.why), []).append(doubt)
    for doubts in lines.values():
        tried = ((doubt, find_witness(pair.old, pair.new, doubt)) for doubt in doubts)
        shown, witness = next((each for each in tried if each[1] is not None), (doubts[0], None))
        yield _Shown(tuple(doubts), shown, witness)
        if pair.old is None and witness is not None:
            return


def _describe(finding: _Shown) -> Iterator[str]:
    """Say what is not proven, and show a request as an expectation of `test` has it."""
    if finding.witness is None:
        yield f"  {paint('not proven', Style.DOUBTFUL)}  {_say_doubt(finding)}"
        return
    yield f"  {paint('allow', Style.BAD)} {_write_request(finding.witness)}"
    yield from (f"    {label:<7} {text}" for label, text in _list_details(finding, finding.witness))


def _summarise(finding: _Shown) -> str:
    """Say the same in one line."""
    if finding.witness is None:
        return f"not proven: {_say_doubt(finding)}"
    details = (f"{label}: {text}" for label, text in _list_details(finding, finding.witness))
    return "; ".join((f"allows {_write_request(finding.witness)}", *details))


def _say_doubt(finding: _Shown) -> str:
    shown = finding.shown
    name = "" if shown.case is None else f"{_list((shown.what, *_list_others(finding)))}: "
    return f"{finding.source}: {name}{shown.why}"


def _write_request(witness: Witness) -> str:
    example = witness.example
    body = "" if example.body in {None, b"{}"} else f" {(example.body or b'').decode()}"
    return f"{example.method} {example.target}{body}"


def _list_details(finding: _Shown, witness: Witness) -> Iterator[tuple[str, str]]:
    yield from (("given", line) for line in _describe_objects(witness))
    yield "now", _describe_verdict(witness.now)
    yield "before", witness.before.partition("; to allow")[0]
    if others := _list_others(finding):
        yield "also", f"{_list(others)}: not proven either"


def _list_others(finding: _Shown) -> Sequence[str]:
    return list(dict.fromkeys(doubt.what for doubt in finding.doubts if doubt.what != finding.shown.what))


def _list(names: Iterable[str]) -> str:
    first, more = list(names)[:_MOST_NAMED], list(names)[_MOST_NAMED:]
    return ", ".join(first) + (f" and {count(len(more), 'other')}" if more else "")


def _describe_objects(witness: Witness) -> Iterator[str]:
    """Say what the engine must have for the request to be decided so."""
    example = witness.example
    labels = ", ".join(f"{name}={text}" for name, text in example.labels.items())
    like = f", labelled {labels}" if labels else ""
    whose = ", created through this socket" if example.is_own else ""
    for lookup in witness.asked:
        yield f"the {lookup.kind} {lookup.name}{like}{whose}"


def _describe_verdict(verdict: Verdict) -> str:
    if verdict.decision.allowed:
        return f"allowed by {verdict.decision.source}"
    return f"not denied, since the mode is {verdict.mode}"
