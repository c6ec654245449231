"""What is counted of exchanges: each once, under words that no client chooses."""

from hypothesis import given
from hypothesis import strategies as st
from workbench.test_reading import RECORD

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.observe.metrics import BOUNDS, ENGINE_ERRORS, TURNED_AWAY, Counts
from dockerproxy.observe.record import Outcome
from dockerproxy.settings import Level

TEXTS = st.text(max_size=5)


@given(
    st.lists(
        st.builds(
            lambda operation, decision, status, text: RECORD._replace(
                operation=operation,
                decision=decision,
                status=status,
                target=text,
                reason=text,
                method=text,
                object=text,
            ),
            st.sampled_from(["", *OPERATIONS]),
            st.sampled_from(Outcome),
            st.integers(0, 999),
            TEXTS,
        )
    ),
    st.sampled_from(Level),
)
def test_no_client_can_make_more_counters_than_the_catalog_has(records: list[object], level: Level) -> None:
    counts = Counts()
    for record in records:
        counts.note(record, level)  # type: ignore[arg-type] # hypothesis says object
    assert {name for name, _ in counts.counts} <= {"", *OPERATIONS}
    assert set(counts.turned_away) <= {*TURNED_AWAY.values(), "other"}
    assert set(counts.engine_errors) <= {*ENGINE_ERRORS.values(), "cut"}
    assert sum(sum(count.buckets) for count in counts.counts.values()) == len(records)


def test_each_exchange_is_in_the_first_bucket_that_it_fits() -> None:
    counts = Counts()
    times = (0.0, 1.0, 1.1, 3_600_000.0, 3_600_000.1)
    for time in times:
        counts.note(RECORD._replace(milliseconds=time, received=2, sent=3), Level.INFO)
    count = counts.find(RECORD.operation, RECORD.decision)
    assert count.buckets == [2, 1, *[0] * (len(BOUNDS) - 3), 1, 1]
    assert (count.received, count.sent, count.milliseconds) == (10, 15, sum(times))


def test_what_does_not_pass_has_a_reason_and_what_the_engine_fails_at_has_another() -> None:
    counts = Counts()
    for decision, status, level in (
        (Outcome.DENIED, 403, Level.WARNING),
        (Outcome.DENIED, 404, Level.INFO),
        (Outcome.REFUSED, 400, Level.WARNING),
        (Outcome.REFUSED, 999, Level.WARNING),
        (Outcome.ALLOWED, 502, Level.ERR),
        (Outcome.ALLOWED, 200, Level.ERR),
        (Outcome.REPORTED, 504, Level.ERR),
        (Outcome.ALLOWED, 500, Level.INFO),  # The engine's own.
    ):
        counts.note(RECORD._replace(decision=decision, status=status), level)
    assert counts.turned_away == {"policy": 1, "no_object": 1, "malformed": 1, "other": 1}
    assert counts.engine_errors == {"failed": 1, "cut": 1, "timeout": 1}
