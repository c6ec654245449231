"""Numbers to a table that a person reads: medians, and beside each how it compares with the predecessor.

What is measured, in which unit it is shown and which goal it has are the tables here; and what a policy file costs, of
which the environment's proxy is the measure.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from contenders import Contender
from measure import Sample

BASE: Final = "predecessor"
OURS: Final = "dockerproxy"
POLICY: Final = "policy"

# What was measured: in each round a sample of each contender, by its key.
Rounds = Sequence[Mapping[str, Sample]]


@dataclass(frozen=True, slots=True)
class Metric:
    """A row of the table: its key in a sample, its label, its unit, and how a value is written."""

    key: str
    label: str
    unit: str
    scale: float
    form: str


@dataclass(frozen=True, slots=True)
class Goal:
    """What this proxy is to reach: a bound, of the value itself or of its ratio to a rival's.

    It is a bound of the difference where `adds` is true. Of what is better if it is more, the bound is the least.
    """

    text: str
    metric: str
    rival: str | None
    bound: float
    whose: str = OURS
    adds: bool = False


# fmt: off
MORE: Final = (
    Metric("rate_16",          "requests, 16 connections", "1/s",  1,    ",.0f"),
    Metric("rate_1",           "requests, 1 connection",   "1/s",  1,    ",.0f"),
    Metric("connect_rate",     "requests, each connects",  "1/s",  1,    ",.0f"),
    Metric("chunked_rate_16",  "requests, in chunks",      "1/s",  1,    ",.0f"),
    Metric("download_counted", "download, counted",        "GB/s", 1e-9, ".2f"),
    Metric("download_chunked", "download, in chunks",      "GB/s", 1e-9, ".2f"),
    Metric("upload_counted",   "upload, counted",          "GB/s", 1e-9, ".2f"),
    Metric("upload_chunked",   "upload, in chunks",        "GB/s", 1e-9, ".2f"),
)
LESS: Final = (
    Metric("p50_16",        "p50, 16 connections",     "ms", 1e3,  ".3f"),
    Metric("p99_16",        "p99, 16 connections",     "ms", 1e3,  ".3f"),
    Metric("p50_1",         "p50, 1 connection",       "ms", 1e3,  ".3f"),
    Metric("p99_1",         "p99, 1 connection",       "ms", 1e3,  ".3f"),
    Metric("processor",     "processor, each request", "us", 1e6,  ".1f"),
    Metric("connect_processor", "and each connects",   "us", 1e6,  ".1f"),
    Metric("chunked_processor", "and in chunks",       "us", 1e6, ".1f"),
    Metric("start",         "start to first answer",   "ms", 1e3,  ".0f"),
    Metric("load",          "policy file read",        "ms", 1e3,  ".0f"),
    Metric("memory_idle",   "memory, idle",            "MB", 1e-6, ".1f"),
    Metric("memory_loaded", "memory, after requests",  "MB", 1e-6, ".1f"),
    Metric("memory_moved",  "memory, after transfers", "MB", 1e-6, ".1f"),
)
MORE_INSPECTIONS: Final = (
    Metric("inspect_rate_16",   "requests, 16 connections", "1/s", 1,   ",.0f"),
    Metric("inspect_rate_1",    "requests, 1 connection",   "1/s", 1,   ",.0f"),
)
LESS_INSPECTIONS: Final = (
    Metric("inspect_p50_16",    "p50, 16 connections",      "ms",  1e3, ".3f"),
    Metric("inspect_p99_16",    "p99, 16 connections",      "ms",  1e3, ".3f"),
    Metric("inspect_p50_1",     "p50, 1 connection",        "ms",  1e3, ".3f"),
    Metric("inspect_p99_1",     "p99, 1 connection",        "ms",  1e3, ".3f"),
    Metric("inspect_processor", "processor, each request",  "us",  1e6, ".1f"),
)
MORE_CREATIONS: Final = (
    Metric("create_rate_16",    "requests, 16 connections", "1/s", 1,   ",.0f"),
    Metric("create_rate_1",     "requests, 1 connection",   "1/s", 1,   ",.0f"),
)
LESS_CREATIONS: Final = (
    Metric("create_p50_16",     "p50, 16 connections",      "ms",  1e3, ".3f"),
    Metric("create_p99_16",     "p99, 16 connections",      "ms",  1e3, ".3f"),
    Metric("create_p50_1",      "p50, 1 connection",        "ms",  1e3, ".3f"),
    Metric("create_p99_1",      "p99, 1 connection",        "ms",  1e3, ".3f"),
    Metric("create_processor",  "processor, each request",  "us",  1e6, ".1f"),
)
LESS_LISTS: Final = (
    Metric("list_p50_1",        "p50, 1 connection",        "ms",  1e3, ".3f"),
    Metric("list_p99_1",        "p99, 1 connection",        "ms",  1e3, ".3f"),
    Metric("list_processor",    "processor, each request",  "us",  1e6, ".1f"),
)
LESS_BESIDE: Final = (
    Metric("beside_none_p50",   "p50, nobody lists",        "ms",  1e3, ".3f"),
    Metric("beside_all_p50",    "p50, lists of all",        "ms",  1e3, ".3f"),
    Metric("beside_all_p99",    "p99, lists of all",        "ms",  1e3, ".3f"),
    Metric("beside_own_p50",    "p50, lists of own",        "ms",  1e3, ".3f"),
    Metric("beside_own_p99",    "p99, lists of own",        "ms",  1e3, ".3f"),
    Metric("beside_share",      "p50, own to all",          "",    1,   ".2f"),
)
LESS_OWN: Final = (
    Metric("own_processor",     "processor, each request",  "us",  1e6, ".1f"),
    Metric("own_share",         "of one by its name",       "",    1,   ".2f"),
)
LESS_EVENTS: Final = (
    Metric("events_p50",        "p50, one at a time",       "ms",  1e3, ".3f"),
    Metric("events_processor",  "processor, each event",    "us",  1e6, ".1f"),
)
MORE_IS_BETTER: Final = {metric.key for metric in (*MORE, *MORE_INSPECTIONS, *MORE_CREATIONS)}
PLAIN: Final = (
    Metric("logged", "log lines per request", "", 1, ".2f"),
)
GROUPS: Final = {
    "more is better": MORE,
    "less is better": LESS,
    "a container inspected by its name, which the policy allows for that name only; more is better": MORE_INSPECTIONS,
    "the same; less is better": LESS_INSPECTIONS,
    "a container made by a body of 4 KiB, to which the policy has conditions; more is better": MORE_CREATIONS,
    "made likewise; less is better": LESS_CREATIONS,
    "a list of 500 containers, of which the policy shows what is own; less is better": LESS_LISTS,
    "a ping, while a client of another socket lists 500 containers in a loop; less is better": LESS_BESIDE,
    "a container inspected under `own: true`; less is better": LESS_OWN,
    "events of 20 containers, of which the policy shows what is own; less is better": LESS_EVENTS,
    "as a check": PLAIN,
}

# Of the policy file beside the environment. All but inspections and creations are allowed by both without conditions.
PRICES: Final = {
    "What a policy file with many sockets costs": (
        *(metric for metric in (*MORE, *LESS) if metric.key in {"rate_16", "p50_1", "processor", "start"}),
        *(metric for metric in LESS if metric.key.startswith("memory")),
    ),
    "What it costs to ask the engine which container a name means": (*MORE_INSPECTIONS, *LESS_INSPECTIONS),
    "What it costs to look whose each of 500 containers is": LESS_LISTS,
    "What it costs to look whose the container of each event is": LESS_EVENTS,
    "What it costs to look at what a container is made of": (*MORE_CREATIONS, *LESS_CREATIONS),
}

GOALS: Final = (
    Goal("processor: 0.52 of the predecessor's",              "processor",         BASE,    0.52),
    Goal("processor: 0.70 of HAProxy tuned's",                "processor",         "tuned", 0.70),
    Goal("processor: 1.6 times the blind relay's",            "processor",         "relay", 1.6),
    Goal("processor, each connects: 1.3 the predecessor's",   "connect_processor", BASE,    1.3),
    Goal("requests, 16 connections: 1.6 the predecessor's",   "rate_16",           BASE,    1.6),
    Goal("requests, 16 connections: 1.2 HAProxy tuned's",     "rate_16",           "tuned", 1.2),
    Goal("p50, 16 connections: the predecessor's",            "p50_16",            BASE,    1.0),
    Goal("p99, 16 connections: the predecessor's",            "p99_16",            BASE,    1.0),
    Goal("p50, 1 connection: 0.025 ms more than no proxy",    "p50_1",             "none",  25e-6, adds=True),
    Goal("download, counted: 0.75 of no proxy",               "download_counted",  "none",  0.75),
    Goal("download, in chunks: 0.75 of no proxy",             "download_chunked",  "none",  0.75),
    Goal("upload, counted: 0.75 of no proxy",                 "upload_counted",    "none",  0.75),
    Goal("upload, in chunks: 0.75 of no proxy",               "upload_chunked",    "none",  0.75),
    Goal("memory, idle: under 34 MB",                         "memory_idle",       None,    34e6),
    Goal("start to first answer: under 120 ms",               "start",             None,    0.12),
    Goal("policy, start to first answer: under 300 ms",       "start",             None,    0.3,   POLICY),
    Goal("policy, memory, idle: under 42 MB",                 "memory_idle",       None,    42e6,  POLICY),
    Goal("policy, inspection: 3 times a plain one's work",    "inspect_processor", OURS,    3.0,   POLICY),
    Goal("policy, a container made: 0.25 ms more",            "create_p50_1",      OURS,    25e-5, POLICY, adds=True),
    Goal("policy, a list of 500: 10 ms more",                 "list_p50_1",        OURS,    1e-2,  POLICY, adds=True),
    Goal("policy, a ping beside a list of own: 1.1 of all",   "beside_share",      None,    1.1,   POLICY),
    Goal("policy, own: an inspection by name's work",         "own_share",         None,    1.0,   POLICY),
)
# fmt: on

LABEL: Final = max(len(metric.label) for group in GROUPS.values() for metric in group) + 7
CELL: Final = 17


def render(contenders: Sequence[Contender], rounds: Rounds) -> str:
    """Write the whole report: the table, what policies cost, then how far this proxy's goals are met."""
    present = [contender for contender in contenders if contender.key in rounds[0]]
    lines = [row("", (contender.title[part] for contender in present)) for part in (0, 1)]
    for title, group in GROUPS.items():
        lines += ["", title]
        for metric in group:
            label = f"  {metric.label:{LABEL - 7}} {metric.unit}"
            lines.append(row(label, (cell(metric, contender, rounds) for contender in present)))
    lines += ["", f"Each number is the median of {len(rounds)}."]
    if BASE in rounds[0]:
        lines[-1] += " In brackets: the ratio to HAProxy as the predecessor configures it."
    return "\n".join([*lines, *price(rounds), *judge(rounds)])


def row(label: str, texts: Iterable[str]) -> str:
    """Align a row of the table."""
    return (f"{label:<{LABEL}}" + "".join(f"{text:>{CELL}}" for text in texts)).rstrip()


def cell(metric: Metric, contender: Contender, rounds: Rounds) -> str:
    """Write a metric of a contender, and its ratio; a dash where it has none."""
    value = median(metric.key, contender.key, rounds)
    if value is None:
        return f"{'-':>9}{'':8}"
    ratio = None if metric in PLAIN else compare(metric.key, contender.key, BASE, rounds)
    return f"{value * metric.scale:>9{metric.form}}" + (f"{'':8}" if ratio is None else f"{f'({ratio:.2f})':>8}")


def median(metric: str, key: str, rounds: Rounds) -> float | None:
    """Give the median of a metric of a contender, None where it was not measured."""
    values = [samples[key][metric] for samples in rounds if metric in samples.get(key, {})]
    return statistics.median(values) if values else None


def compare(metric: str, key: str, rival: str, rounds: Rounds) -> float | None:
    """Give the ratio of a contender to a rival: the median over the rounds, each compared with itself."""
    ratios = [ours / theirs for ours, theirs in pairs(metric, key, rival, rounds) if theirs]
    return statistics.median(ratios) if ratios else None


def subtract(metric: str, key: str, rival: str, rounds: Rounds) -> float | None:
    """Give how much a contender has more than a rival: the median over the rounds, as in `compare`."""
    differences = [ours - theirs for ours, theirs in pairs(metric, key, rival, rounds)]
    return statistics.median(differences) if differences else None


def pairs(metric: str, key: str, rival: str, rounds: Rounds) -> Sequence[tuple[float, float]]:
    """Give a metric of a contender and of a rival, of each round in which both were measured."""
    both = [(samples.get(key, {}).get(metric), samples.get(rival, {}).get(metric)) for samples in rounds]
    return [(ours, theirs) for ours, theirs in both if ours is not None and theirs is not None]


def price(rounds: Rounds) -> Sequence[str]:
    """Say what the policy file costs beside the environment: the ratio, and the difference."""
    lines: list[str] = []
    for title, metrics in PRICES.items():
        rows: list[str] = []
        for metric in metrics:
            ratio = compare(metric.key, POLICY, OURS, rounds)
            more = subtract(metric.key, POLICY, OURS, rounds)
            if ratio is not None and more is not None:
                label = f"  {metric.label:{LABEL - 7}} {metric.unit}"
                rows.append(f"{label:<{LABEL}}{ratio:>9.2f} times {more * metric.scale:>+12{metric.form}}")
        lines += ["", title, *rows] if rows else []
    return lines


def judge(rounds: Rounds) -> Sequence[str]:
    """Say of each goal whether this run met it; one whose numbers are missing is left out."""
    lines = ["", "Goals of dockerproxy"]
    for goal in GOALS:
        if goal.rival is None:
            value = median(goal.metric, goal.whose, rounds)
        else:
            value = (subtract if goal.adds else compare)(goal.metric, goal.whose, goal.rival, rounds)
        if value is not None:
            is_share = goal.rival is not None and not goal.adds
            met = value >= goal.bound if goal.metric in MORE_IS_BETTER else value <= goal.bound
            here = f"; here {value:.2f}" if is_share else f"; here {value * 1e3:.3f} ms" if goal.adds else ""
            lines.append(f"  {'met' if met else 'NOT met':7}  {goal.text}{here}")
    return lines if lines[2:] else []
