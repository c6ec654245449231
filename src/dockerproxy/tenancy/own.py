"""The tenancy of a socket whose grants say `own`: what its clients create is its owner's, by a stamp and in a quota."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import Claim, Object
from dockerproxy.policy.model import Grant, Making, Tenancy, Uses
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.profile import CREATED_BY
from dockerproxy.policy.stamps import NEW, make_stamp
from dockerproxy.policy.steps import Answer, Ask, Says, Scene, Steps
from dockerproxy.tenancy.anonymous import stamp_anonymous
from dockerproxy.tenancy.changes import bound_changes
from dockerproxy.tenancy.making import count, make_volumes
from dockerproxy.tenancy.prunes import prune
from dockerproxy.tenancy.quota import NO_QUOTA, Quota


@dataclass(frozen=True)
class Own(Tenancy):
    """What clients create is theirs.

    Attributes:
        owner: Whose it is, on all sockets that have the same.
        quota: How much of it there may be.
    """

    owner: str
    quota: Quota = field(default=NO_QUOTA, hash=False)

    @property
    def most(self) -> Mapping[str, int]:
        """How many of each word of a quota there may be."""
        return self.quota.most

    def owns(self, found: ResolvedObject) -> bool:
        """Whether the stamp of an object is the owner's."""
        return found.belongs_to == self.owner

    def refuses(self, name: str, *, is_open: bool) -> str:
        """Return the quotas that an operation would get around."""
        return self.quota.evaded_by(name, is_open=is_open)

    def counts(self, name: str) -> str:
        """Return the quotas to which an operation may add."""
        return str(self.quota.for_operation(name))

    def bound(self, name: str, grants: Sequence[Grant], creates: Mapping[str, Sequence[Grant]]) -> Iterable[Grant]:
        """Bound the grants of a change by the profile."""
        return bound_changes(name, grants, creates) if name in CREATED_BY else grants

    def stamp(self, nonce: str) -> Mapping[str, str]:
        """Return the stamp of what is made now."""
        return make_stamp(self.owner, nonce)

    def stamp_volumes(self, create: Object, stamp: Mapping[str, str]) -> Object:
        """Return the body of a create with a stamp on the volumes without a name that it makes."""
        return stamp_anonymous(create, stamp)

    def use(self, claims: Iterable[Claim]) -> Uses:
        """Have what is own stay until the engine is done, and volumes that nobody has yet made before."""
        claims = tuple(claims)
        volumes, networks = _find_own("volumes", claims), _find_own("networks", claims)
        makes = {name: found.labels for name, found in volumes.items() if found.belongs_to == NEW}
        return Uses(tuple(volumes), makes, tuple(each.id for each in networks.values() if self.owns(each)))

    def prepare(self, create: Making, scene: Scene) -> Steps[Says | None]:
        """Count what is there for the quota, then make the volumes that the create would make on its way."""
        refusal = (yield from count(self.owner, self.quota, create, scene)) if create.is_counted else None
        if refusal is None:
            yield from make_volumes(self.stamp(create.nonce), create)
        return refusal

    def prune(self, request: CanonicalRequest, now: float) -> Generator[Ask, Answer, Answer]:
        """Yield what removes that which a prune names of what is own, and return the answer to the prune."""
        return prune(request, now, self.owner)


def _find_own(word: str, claims: Iterable[Claim]) -> Mapping[str, ResolvedObject]:
    """Return what is used because it is the client's own, or nobody has it yet, by its ID."""
    found = (claim.owned for claim in claims if claim.words[0] == word)
    return {each.id: each for each in found if isinstance(each, ResolvedObject)}
