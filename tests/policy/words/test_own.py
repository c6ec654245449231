"""What belongs to the clients of a socket, and what does not."""

from policy.policies import WEB

from dockerproxy.owner_labels import NEW
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.words.networks import Joined
from dockerproxy.policy.words.own import own_by

VALUES = (True,)
SAMPLES = (WEB, ResolvedObject("1", ("a",), belongs_to="other"), ResolvedObject("2", (), belongs_to=NEW))


def test_an_object_is_its_owners_and_nobody_elses() -> None:
    mine = ResolvedObject("1f", ("web",), belongs_to="ci")
    for owner, is_admitted in (("ci", True), ("other", False), ("", False), ("c", False)):
        matches = own_by(owner).matcher(VALUES[0])
        assert matches(mine) is matches(Joined(mine)) is is_admitted


def test_what_nobody_stamped_is_nobodys() -> None:
    matches = own_by("").matcher(VALUES[0])
    for value in (ResolvedObject("1f", ("web",)), "web", None, True):
        assert not matches(value)


def test_what_does_not_exist_is_not_hidden() -> None:
    assert own_by("ci").matcher(VALUES[0])(ResolvedObject("web", ("web",), belongs_to=NEW))


def test_owners_are_told_apart_and_each_is_one() -> None:
    assert own_by("a") is own_by("a") is not own_by("b")
