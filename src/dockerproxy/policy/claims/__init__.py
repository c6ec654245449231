"""What may be in a body: a tree of fields, a check for each, and what a grant says besides."""
