"""Ownership of what clients create: `own`, quotas, prunes and sweeps. Neither `policy` nor `proxy` imports it."""
