"""`ps_args`: the arguments of ps with which processes are listed."""

from dockerproxy.policy.constraints.base import Words

CONSTRAINT = Words("ps_args", "which arguments of ps, word for word; none given is -ef")
