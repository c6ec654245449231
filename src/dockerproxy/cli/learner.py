"""The learner that serving is given: the workbench's, which can continue from the file of an earlier run."""

from dockerproxy.config.document import read_file
from dockerproxy.config.policy_file import read_policy
from dockerproxy.problems import Problem, UserError
from dockerproxy.workbench.learned import read_counts
from dockerproxy.workbench.learning import Learner


class ResumingLearner(Learner):
    """Learns the policy of one socket."""

    def resume_from(self, path: str) -> None:
        """Continue from the policy file that an earlier run wrote; a `UserError` says why it cannot be read."""
        text = read_file(path)
        sockets = read_policy(text, path).sockets
        if len(sockets) != 1:
            raise UserError(Problem(path, f"has {len(sockets)} sockets, and a learned file has one"))
        self.resume(sockets[0].policy.policy, read_counts(text))
