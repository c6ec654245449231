"""Cuts out of the engine's JSON what a client may not see."""
