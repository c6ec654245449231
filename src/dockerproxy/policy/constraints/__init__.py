"""The words of a policy: one file for each; `registry` finds them."""
