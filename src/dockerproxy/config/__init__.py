"""Turn what an operator wrote into settings and a policy."""
