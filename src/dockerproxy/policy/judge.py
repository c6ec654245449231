"""Judge a request: from the bytes of its head to the bytes for the engine, or a refusal.

Only here, head, catalog and policy meet. Pure: no clock, I/O or state. So answers to the same bytes can be cached, and
judging can run in any thread. It moves a request through its phases (`policy/phases`). Some bodies are refused by the
request's head under every policy.

Attacks: docs/attacks.md, policy/judge.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import BUILD_TUNNELS, HEALTH, UNKNOWN, Operation
from dockerproxy.api.podman import say_absent
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.api.rows import read_rows
from dockerproxy.errors import Refusal
from dockerproxy.owner_labels import NEW
from dockerproxy.policy import objects
from dockerproxy.policy.claim import Known, Reading
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.decide import Wanted, decide, deny, is_allowed, read_once, reading_of_head
from dockerproxy.policy.image_grants import list_asked
from dockerproxy.policy.lists import admits
from dockerproxy.policy.model import Decision, Denied, Mode, Source
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject, find_object
from dockerproxy.policy.phases import Judged, NeedsBody, NeedsLookup, Phase, Verdict, settle
from dockerproxy.policy.planning import find_plan
from dockerproxy.policy.steps import PlanKind
from dockerproxy.policy.subtrees import is_ours
from dockerproxy.policy.values import Value, items_of
from dockerproxy.policy.vocabulary import is_about_object
from dockerproxy.policy.words.running import COPYING_FILES
from dockerproxy.response_filters.hiding import find_bar
from dockerproxy.text import lower
from dockerproxy.wire.document import read_json
from dockerproxy.wire.head import Framing, RequestHead, parse_request

_WOULD_REVEAL: Final = "the request has an ID, and the reason would reveal a name; see the proxy's log"

_JSON: Final = "application/json"
_BYTES: Final = ("application/octet-stream", "text/plain")
_TAR: Final = ("application/x-tar", "application/tar", "application/gzip", "application/x-gzip")
_YAML: Final = ("application/yaml", "application/x-yaml", "application/text")

_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "-": (_JSON, *_BYTES),
    "json": (_JSON,),
    "tar": (*_TAR, *_BYTES, _JSON),
    "raw": (*_BYTES, *_TAR, *_YAML, _JSON),
    "any": (_JSON, *_BYTES),
}
"""Media types by the catalog's kind of body; the first is the one to send.

Clients send these: the Docker command line and its Go library (`text/plain` for an untyped body that is not JSON),
docker-py, docker-java (`application/tar`), dockerode (which repeats the query as JSON in the body of each POST),
Podman's own client, and `curl --data-binary` with a header. Most send none for an archive.
"""

_OF_SEVERAL_FILES: Final = frozenset({"ImageBuildLibpod", "ManifestModifyLibpod", "QuadletInstallLibpod"})
"""Operations to which Podman's own client sends several files. Podman takes no parameters from these."""

OLD_READINGS: Final = tuple(map(tuple, read_rows("old_bodies", 4)))
"""What engines do only under old API versions: operation, version, kind, and effect."""

_OLD: Final = frozenset(operation for operation, _, kind, _ in OLD_READINGS if kind == "body")

_MOST_OF_NOTHING: Final = 7
"""Bytes of a body that Docker treats as empty (`postContainersStart`). `{}` and `null` are shorter."""

_UTF_8: Final = ("charset", "utf-8")
"""Docker accepts any parameters, and always reads UTF-8. It refuses other types; Podman ignores the type."""

_GRPC: Final = "application/grpc"
"""Docker checks for this prefix of the type. Podman 6 checks whether a Content-Type contains it (its `HeadersRegexp`
has no anchors), and ignores the path."""

_SHOWN: Final = 60
"""Characters of a type in a message."""

_HIDING: Final = frozenset({objects.OWN, objects.LABELLED})
"""Words of conditions. Objects that they do not admit do not exist for the client, for any operation."""

_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE"})
"""Methods without body, unless the catalog lists one for the operation."""


def judge(policy: CompiledPolicy, head: bytes) -> Judged | Refusal:
    """Parse a request head, including the empty line, and judge it."""
    parsed = parse_request(head)
    if isinstance(parsed, Refusal):
        return parsed
    request = canonicalise(parsed.method.decode(), parsed.target.decode(errors="surrogateescape"), parsed.fields)
    if isinstance(request, Refusal):
        return request
    refusal = refuse_body(parsed, request)
    if refusal is not None:
        return refusal
    named = find_object(request)
    known = Known(
        found=named if isinstance(named, ResolvedObject) else None,
        places=policy.policy.places,
        client=policy.policy.client,
        most_ports=policy.policy.bounds.ports,
    )
    phase = Phase(parsed, request, request.target, policy, known, None, "")
    barred = _bar(phase)
    if barred is None and request.operation.name in BUILD_TUNNELS and policy.reads_builds:
        opened = _open_builds(phase, request._replace(operation=BUILD_TUNNELS[request.operation.name], query=()))
        return opened if opened.is_whole else Refusal(400, "unsupported body of an upgrade request; remove it")
    if barred is None and _needs_body(phase):
        return refuse_type(phase.head) or NeedsBody(*phase.parts)
    return barred or _decide(phase)


def _open_builds(phase: Phase, request: CanonicalRequest) -> Verdict:
    """Open a tunnel in which each build is judged separately."""
    sources = tuple(case.source for case in phase.policy.cases[objects.BUILD])
    return _settle(
        replace(phase, request=request, target=request.path),
        Decision(allowed=True, sources=sources[:1], plan=PlanKind.BUILD),
    )


def _bar(phase: Phase) -> Verdict | None:
    """Deny requests that would show hidden data, or volumes of the proxy: in every mode, before any lookup."""
    policy, request, operation = phase.policy, phase.request, phase.operation
    if objects.KINDS.get(operation.name) is Kind.VOLUME and is_ours(objects.name_in(request.path, operation)):
        decision = _say(phase, "no such volume", HTTPStatus.NOT_FOUND)
        return Verdict(*phase.parts, decision, b"", None)
    bar = find_bar(policy.hides, operation.name, request) if operation is not HEALTH else ""
    if not bar:
        return None
    answer, barred = decide(policy, request), Decision(allowed=False, denied=Denied(operation.name, policy, bar))
    if operation is UNKNOWN and isinstance(answer, Decision):
        barred = answer
    elif isinstance(answer, Decision) and answer.denied is not None and policy.mode is Mode.ENFORCE:
        barred = answer._replace(denied=replace(answer.denied, bar=bar))
    return Verdict(*phase.parts, barred, b"", None)


def _say(phase: Phase, says: str, status: int) -> Decision:
    """Return an answer in the engine's words, or about the engine."""
    return Decision(allowed=False, denied=Denied("", phase.policy, says), status=status)


def judge_body(waiting: NeedsBody, content: bytes, nonce: str = "", client: str = "") -> Judged | Refusal:
    """Judge a request with its body.

    The nonce is a fresh unguessable text for the stamp. The client's user counts if the policy names none.
    """
    document = read_json(content) if content else None
    if isinstance(document, Refusal):
        return document
    known = waiting.known._replace(body=(document,), nonce=nonce)
    known = known._replace(client=known.client or client)
    return _decide(replace(waiting, body=content, known=known))


def judge_again(policy: CompiledPolicy, denied: Verdict, known: Known, nonce: str) -> NeedsLookup | Verdict:
    """Judge a complete request that another policy denied, with known facts about it."""
    known = known._replace(nonce=nonce, places=policy.policy.places, most_ports=policy.policy.bounds.ports)
    phase = replace(Phase(*denied.parts), policy=policy, known=known)
    return _bar(phase) or _decide(phase)


def judge_object(waiting: NeedsLookup, found: ResolvedObject | None) -> NeedsLookup | Verdict:
    """Judge a request after a lookup; `found` is None if the engine knows no such object.

    Another lookup may follow.
    """
    lookup, known = waiting.lookup, waiting.known
    if known.found is None and lookup == find_object(waiting.request):
        judged = _judge_named(waiting, found)
    else:  # It is about a name in the body.
        answers = {**known.answers, (lookup.kind, lookup.name): found or objects.missing(lookup)}
        waiting = replace(waiting, known=known._replace(answers=answers))
        if lookup.others:
            return replace(waiting, lookup=replace(lookup.others[0], others=lookup.others[1:]))
        judged = _decide(waiting)
    return _hide_names(judged) if isinstance(judged, Verdict) and not judged.passes else judged


def judge_unknown(
    waiting: NeedsLookup | Verdict, reason: str, *, hides: bool = False, status: int = HTTPStatus.BAD_GATEWAY
) -> Verdict:
    """Judge a request whose object is unknown for a reason. It passes only in modes that deny nothing.

    A name of two objects gets the same answer as a missing name, from whose verdict it is made. With `hides`, objects
    of others do not exist for the client, even if two of them match.
    """
    if hides and isinstance(waiting, Verdict) and waiting.decision.status == HTTPStatus.NOT_FOUND:
        return replace(waiting, decision=_keep_from_client(waiting.decision, reason, waiting))
    if isinstance(waiting, Verdict) and not waiting.passes and waiting.decision.status == HTTPStatus.FORBIDDEN:
        return replace(waiting, object="", needs=None, decision=_keep_from_client(waiting.decision, reason, waiting))
    return _settle(replace(waiting, object=""), _say(waiting, reason, status))


def _keep_from_client(decision: Decision, reason: str, phase: Phase) -> Decision:
    """Add the reason for the log."""
    return decision._replace(denied=Denied("", phase.policy, reason), told=decision.told or decision.denied)


def attach_body(verdict: Verdict, content: bytes) -> Verdict:
    """Forward a request that was decided without its body, with the complete body."""
    return _settle(replace(verdict, body=content), verdict.decision, verdict.needs)


def _needs_body(phase: Phase) -> bool:
    """Whether some grant may allow a request only by its body. The body comes before lookups.

    Modes that deny nothing need the bodies of all requests that are not allowed, to report what is missing.
    """
    name, policy = phase.operation.name, phase.policy
    if name not in BODIES or not BODIES[name].is_read:
        return False
    if policy.mode is Mode.LEARN:
        return True
    answer = decide(phase.policy, phase.request, phase.known)
    if isinstance(answer, Decision):
        return policy.mode is Mode.REPORT and not answer.allowed
    return any(case.reads_body for case in policy.cases[name])


def _decide(phase: Phase) -> NeedsLookup | Verdict:
    """Judge a request, or return the next lookup. Learning always looks up the object."""
    reads = list[Reading]()
    answer = decide(phase.policy, phase.request, phase.known, reads)
    if phase.mode is Mode.LEARN and phase.known.found is None:
        named = find_object(phase.request)
        answer = named if isinstance(named, Lookup) else answer
    if isinstance(answer, Wanted):
        raise TypeError(phase.target)
    if isinstance(answer, Lookup):
        return NeedsLookup(*phase.parts, answer)
    needs = _find_needs(phase, answer, reads)
    return NeedsLookup(*phase.parts, needs) if isinstance(needs, Lookup) else _settle(phase, answer, needs)


def _find_needs(phase: Phase, decision: Decision, reads: list[Reading]) -> Mapping[str, Value] | Lookup | None:
    """Return the smallest contained grant for a denied or learned request, or the lookup to do first.

    The engine is not asked about requests that it does not get.
    """
    body, known, asks = BODIES.get(phase.operation.name), phase.known, phase.mode is not Mode.ENFORCE
    if decision.allowed and phase.mode is not Mode.LEARN:
        return None
    copied = reading_of_head(phase.request, known).claims if phase.operation.name in COPYING_FILES else ()
    has_run = any(claim.word == objects.RUNNING for claim in copied)
    state: Mapping[str, Value] = {objects.RUNNING: True} if has_run else {}
    if body is None or (body.is_read and known.body is None):
        return state or None
    named = find_object(phase.request) if body.asks and known.found is None else known.found
    if isinstance(named, Lookup):
        return named if asks else None
    needs = phase.policy.find_needs(read_once(reads, body, phase.request, known._replace(found=named)), asks=asks)
    return needs if isinstance(needs, Lookup) else {**needs, **state}


def _judge_named(waiting: NeedsLookup, found: ResolvedObject | None) -> NeedsLookup | Verdict:
    """Judge a request when the object in its path is known."""
    lookup, policy = waiting.lookup, waiting.policy
    known = waiting.known._replace(found=found or objects.missing(lookup))
    named = replace(waiting, object=_name_of(lookup, found), known=known)
    if policy.mode is Mode.ENFORCE and _is_hidden(policy, lookup, found):
        denial = deny(policy, waiting.operation.name, found)
        absent = _absent(named, lookup, denial.sources)
        return _settle(named, absent if found is None else absent._replace(denied=denial.denied, told=absent.denied))
    judged = _decide(named)
    if found is not None or (isinstance(judged, NeedsLookup) and policy.mode is not Mode.ENFORCE):
        return judged
    if isinstance(judged, NeedsLookup):  # Other names make no difference.
        return _settle(named, _absent(named, lookup, ()))
    decision = judged.decision
    if decision.about_object or (not decision.allowed and objects.is_full_id(lookup.name)):
        return _settle(named, _absent(named, lookup, decision.sources))
    return judged


def _is_hidden(policy: CompiledPolicy, lookup: Lookup, found: ResolvedObject | None) -> bool:
    """Whether the object in a path does not exist for a client: with `own` and `labelled`, only admitted objects do.

    For an inspection by name, no other name exists. `docker inspect` then tries the next kind of object.
    """
    grants = (case.by_word.items() for case in policy.cases[lookup.operation.name])
    conditions = [{word: each for word, each in grant if is_about_object(lookup.operation, word)} for grant in grants]
    is_by_name = lookup.operation.name in objects.INSPECTIONS and conditions != [] and all(conditions)
    if (not is_by_name or policy.policy.asks) and all(_HIDING.isdisjoint(each) for each in conditions):
        return False
    if found is None:
        return True
    if policy.tenancy.owns(found) or any(admits(each, found) for each in conditions):
        return False
    inspection = canonicalise("GET", lookup.target)
    return isinstance(inspection, Refusal) or not is_allowed(decide(policy, inspection, Known(found=found)))


def _hide_names(verdict: Verdict) -> Verdict:
    """Judge by what a client may know if a denial has names of others, which it did not send. The log has all."""
    known, policy, denied = verdict.known, verdict.policy, verdict.decision.denied
    if denied is None or verdict.decision.status != HTTPStatus.FORBIDDEN:
        return verdict
    conditions = (each for case in policy.cases[verdict.operation.name] for each in case.conditions)
    listed = (item for each in conditions for item in items_of(each.value))
    asked = (each for names in list_asked(verdict.request).values() for each in names)
    said = " ".join((verdict.target, *listed, *asked)).encode(errors="surrogateescape") + (verdict.body or b"")
    resolved = (each for each in (known.found, *known.answers.values()) if each is not None)
    others = [each for each in resolved if each.belongs_to not in {NEW, policy.owner or NEW}]
    hidden = [text for each in others for text in objects.list_names(each) if text.encode() not in said]
    if not any(text in part for part in denied.parts for text in hidden):
        return verdict
    show = partial(objects.show_said, said)
    ask = partial(objects.ask, version=verdict.request.version, operation=verdict.operation)
    answers = {key: show(each, key[1]) if each in others else each for key, each in known.answers.items()}
    unnamed = [key for key, each in known.answers.items() if each.names and not answers[key].names]
    answers |= {key: objects.missing(ask(*key)) for key in unnamed}
    spelled = objects.name_in(verdict.request.path, verdict.operation)
    found = show(known.found, spelled) if known.found in others else known.found
    public = known._replace(found=found, answers=answers)
    answer = decide(policy, verdict.request, public)
    told = answer.denied if isinstance(answer, Decision) else None
    if told is None or (denied.others and not told.others):
        told = Denied(denied.operation, policy, _WOULD_REVEAL)
    return replace(verdict, decision=verdict.decision._replace(told=told))


def _absent(phase: Phase, lookup: Lookup, sources: tuple[Source, ...]) -> Decision:
    """Answer for a missing object as the engine would: clients then create it.

    Only for clients that may use an object of this name, or know a full ID. Others learn nothing.
    """
    absent = _say(phase, say_absent(lookup.operation, lookup.kind, lookup.name), HTTPStatus.NOT_FOUND)
    return absent._replace(allowed=phase.mode is not Mode.ENFORCE, sources=sources)


def _name_of(lookup: Lookup, found: ResolvedObject | None) -> str:
    """Return an object's name for the record: of an image's references, the requested one."""
    names = objects.missing(lookup).names if found is None else found.names
    if found is not None and lookup.kind is Kind.IMAGE:
        names = tuple(name for name in objects.missing(lookup).names if name in names) or names
    return names[0] if names else found.subject if found is not None else ""


def _settle(phase: Phase, decision: Decision, needs: Mapping[str, Value] | None = None) -> Verdict:
    """Write the bytes for the engine, and find the plan. In modes that deny nothing, lists are complete."""
    if phase.mode is not Mode.ENFORCE:
        decision = decision._replace(shows=())
    verdict = settle(phase, decision, needs)
    plan = find_plan(verdict)
    return verdict if plan is None else replace(verdict, plan=plan)


def refuse_body(head: RequestHead, request: CanonicalRequest) -> Refusal | None:
    """Refuse bodies that an engine may read differently than the operation, or ignore."""
    kind, operation = head.media_type.name, request.operation
    length = None if head.framing is Framing.CHUNKED else head.length
    known = find_media_types(operation)
    if any(_GRPC in lower(text) for text in (kind, *(text for _, text in head.media_type.parameters))):
        reason = "unsupported gRPC request; use the tunnels /grpc and /session"
    elif head.framing is Framing.NONE:
        return None
    elif operation is HEALTH:
        reason = "unsupported body of a health check; remove it"
    elif (operation is UNKNOWN or operation.body == "-") and request.method in _BODILESS:
        reason = f"unsupported body of a {request.method} request; remove it"
    elif operation.name in _OLD and (length is None or length > _MOST_OF_NOTHING):
        reason = f"unsupported body of {operation.name}, from which old engines take settings; remove it"
    elif kind and kind not in known:
        reason = f'unsupported content-type "{kind[:_SHOWN]}"; send "{known[0]}"'
    else:
        return None
    return Refusal(400, reason)


def find_media_types(operation: Operation) -> tuple[str, ...]:
    """Return all media types that a body may have."""
    known = _TYPES[operation.body]
    return (*known, "multipart/form-data") if operation.name in _OF_SEVERAL_FILES else known


def refuse_type(head: RequestHead) -> Refusal | None:
    """Refuse a body that is not declared as JSON, or is compressed."""
    kind = head.media_type
    is_json = kind.name == _JSON and all((name, lower(value)) == _UTF_8 for name, value in kind.parameters)
    if any(name == b"content-encoding" for name, _ in head.fields):
        return Refusal(400, "unsupported content-encoding; send the body unpacked")
    if head.framing is not Framing.NONE and not is_json:
        return Refusal(400, 'missing or unsupported content-type; send "application/json"')
    return None
