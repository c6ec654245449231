"""The corpus of policies: an environment, and what becomes of requests under it.

Each file is a transcript: variables, a line of dashes, then `allow`, `deny` or `refuse` with a method and a target.
"""

from pathlib import Path

from policy.policies import policy_of
from rows import for_each

from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.phases import Verdict

CORPUS = Path(__file__).parent.parent / "corpus" / "policy"
FILES = sorted(CORPUS.glob("*.txt"))


def verdict(policy: CompiledPolicy, method: str, target: str) -> str:
    judged = judge(policy, f"{method} {target} HTTP/1.1\r\nHost: docker\r\n\r\n".encode())
    if isinstance(judged, Refusal):
        return "refuse"
    assert isinstance(judged, Verdict)
    return "allow" if judged.decision.allowed else "deny"


@for_each("file", FILES, ids=lambda file: file.stem)
def test_what_becomes_of_each_request_is_as_the_transcript_says(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    variables, requests = lines[: lines.index("---")], lines[lines.index("---") + 1 :]
    policy = policy_of(**dict(line.split("=", 1) for line in variables))
    found = []
    for line in requests:
        _, method, target = line.split()
        found.append(f"{verdict(policy, method, target):<7} {method:<7} {target}")
    assert found == requests
    assert requests


def test_there_is_a_corpus() -> None:
    assert len(FILES) > 20
