"""What a run did is said in a few lines, however much it was."""

import io
import shlex
from contextlib import redirect_stderr

from observe.records import ID, record_of, refused

from dockerproxy.cli.summary import Summary
from dockerproxy.config.options import MARK
from dockerproxy.observe.record import Outcome, Record

DENIED = "ContainerCreate denied: HostConfig.Binds[0] mounts "
REPORT = "  --mode report denies nothing, and lists all missing grants at the end"


def summed_up(*records: Record, learns: bool = False, reports: bool = False, leaves: bool = False) -> list[str]:
    summary = Summary(learns=learns, reports=reports, leaves=leaves)
    for record in records:
        summary.note(record)
    with redirect_stderr(io.StringIO()) as printed:
        summary.print_all()
    return printed.getvalue().splitlines()


def denied(reason: str, status: int = 403) -> Record:
    record = record_of("POST /containers/create", status=status, decision=Outcome.DENIED)
    return record._replace(reason=reason)


def created(line: str, identity: str) -> Record:
    return record_of(line, status=201, decision=Outcome.ALLOWED)._replace(created=identity)


def test_where_nothing_was_asked_for_that_is_said() -> None:
    assert summed_up() == ["dockerproxy: no requests"]


def test_alike_refusals_are_told_once_and_the_most_frequent_come_first() -> None:
    reason = f'{DENIED}host path "/etc"; to allow it, add{MARK}ContainerCreate: {{binds: [/etc:ro]}}'
    once = refused("GET /../x", "ambiguous path: a dot segment")
    assert summed_up(once, *[denied(reason)] * 12) == [
        "dockerproxy: 13 requests, 12 denied, 1 refused",
        '  denied    12  ContainerCreate: HostConfig.Binds[0] mounts host path "/etc"',
        "                --allow 'ContainerCreate: {binds: [/etc:ro]}'",
        "  refused    1  ambiguous path: a dot segment",
        REPORT,
    ]


def test_in_mode_report_proposals_are_left_to_the_block_at_the_end() -> None:
    reported = [
        denied(f"{DENIED}x; {advice}")._replace(decision=Outcome.REPORTED)
        for advice in (
            f"to allow it, add{MARK}ContainerCreate: unrestricted",
            f"to allow it, leave that out; or, to let clients read keys of the host, add{MARK}ContainerCreate: x",
            'to allow it, remove its line and add "ContainerCreate: x" to "allow" of socket "ci"',
            "to allow it, first use a clean path",
        )
    ]
    assert summed_up(*reported, reports=True) == [
        "dockerproxy: 4 requests, 4 would be denied",
        "  reported  3  ContainerCreate: HostConfig.Binds[0] mounts x",
        "  reported  1  ContainerCreate: HostConfig.Binds[0] mounts x; to allow it, first use a clean path",
    ]


def test_what_would_be_allowed_if_its_create_was_is_no_refusal() -> None:
    summary = Summary(reports=True)
    start = record_of("POST /containers/web/start", decision=Outcome.REPORTED)
    for follows in (True, False):
        summary.note(start, follows=follows)
    with redirect_stderr(io.StringIO()) as printed:
        summary.print_all()
    assert printed.getvalue().startswith("dockerproxy: 2 requests, 1 would be denied\n")


def test_what_does_not_exist_and_what_is_learned_is_no_refusal() -> None:
    reported = record_of("GET /info", decision=Outcome.REPORTED)
    assert summed_up(denied("No such container: x", 404)) == ["dockerproxy: 1 request"]
    assert summed_up(denied(f"{DENIED}x", 404))[0] == "dockerproxy: 1 request, 1 denied"
    assert summed_up(reported, learns=True) == ["dockerproxy: 1 request"]
    assert summed_up(reported)[0] == "dockerproxy: 1 request, 1 would be denied"


def test_what_a_client_says_is_never_taken_for_the_proposed_grant() -> None:
    evil = f"/x; to allow it, add{MARK}ContainerCreate: unrestricted"
    for reason in (
        f'{DENIED}host path "{evil}"; only an unrestricted grant allows it',
        f'{DENIED}host path "{evil} #"; only a grant without condition "binds" allows it',
        f'{DENIED}host path "{evil}\n"',
    ):
        assert [line for line in summed_up(denied(reason)) if line.lstrip().startswith("--allow")] == []
    honest = 'ContainerCreate: {binds: ["/x; to allow it, add to \\"--allow\\": ContainerCreate: unrestricted"]}'
    reason = f'{DENIED}host path "{evil}"; to allow it, add{MARK}{honest}'
    assert shlex.split(summed_up(denied(reason))[-2]) == ["--allow", honest]


def test_what_a_grant_gives_away_stands_above_it() -> None:
    instead = "to allow it, leave that out; or, to let clients become root on the host, add"
    assert summed_up(denied(f"{DENIED}x; {instead}{MARK}ContainerCreate: {{binds: [/]}}"))[1:] == [
        f"  denied    1  ContainerCreate: HostConfig.Binds[0] mounts x; {instead}",
        "               --allow 'ContainerCreate: {binds: [/]}'",
        REPORT,
    ]


def test_a_proposed_grant_is_one_word_of_a_shell() -> None:
    grant = 'ContainerCreate: {binds: ["/it\'s; rm -rf $HOME `x`"]}'
    last = summed_up(denied(f"{DENIED}x; to allow it, add{MARK}{grant}"))[-2]
    assert shlex.split(last) == ["--allow", grant]


def test_what_was_created_is_called_by_its_name_or_by_a_short_id() -> None:
    records = [
        created("POST /containers/create?name=web", ID),
        *[created("POST /containers/create", ID)] * 7,
        created("POST /volumes/create", "data"),
        created("POST /containers/web/exec", ID),
    ]
    short = ID[:12]
    assert summed_up(*records) == [
        "dockerproxy: 10 requests",
        f"  created   8 containers: web, {', '.join([short] * 5)} and 2 more",
        "            1 volume: data",
    ]


def test_what_no_other_run_can_reach_is_said_while_something_is_left() -> None:
    web, data = created("POST /containers/create?name=web", ID), created("POST /volumes/create", "data")
    removed = record_of("DELETE /containers/web", status=204, decision=Outcome.ALLOWED)
    missed = removed._replace(status=404)
    left = "  later runs cannot reach it, if it is still there; those with the same --policy FILE share their objects"
    for records, is_said in (((web, data, removed), True), ((web, missed), True), ((web, removed), False)):
        assert (left in summed_up(*records, leaves=True)) == is_said
        assert left not in summed_up(*records)


def test_a_program_that_is_refused_for_ever_new_reasons_costs_no_more_memory_or_lines() -> None:
    lines = summed_up(*(denied(f"{DENIED}{number}") for number in range(1100)))
    assert lines[0] == "dockerproxy: 1100 requests, 1100 denied"
    assert len(lines) == 13
    assert lines[-2:] == ["  and 990 other reasons", REPORT]


def test_a_name_that_the_engine_ignores_begins_no_line() -> None:
    forged = created("POST /volumes/create?name=x%0adockerproxy%20run%20%1b", "web")
    assert summed_up(forged) == ["dockerproxy: 1 request", r"  created   1 volume: x\ndockerproxy run \x1b"]
