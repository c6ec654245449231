"""The data path: the only package that moves bytes."""
