"""`pids`: how many processes a container has at most, and that it is bounded; what has no bound gets this one."""

from dockerproxy.policy.amounts import read_count
from dockerproxy.policy.constraints.amount import Amount

CONSTRAINT = Amount(
    "pids",
    "how many processes at most; what has no bound gets this one",
    read_count,
    "a whole number above 0 is needed",
)
