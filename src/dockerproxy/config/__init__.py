"""Read the operator's configuration into settings and policies."""
