"""Whose what clients create is: `own`, quotas, prunes and sweeps. Neither `policy` nor `proxy` knows it."""
