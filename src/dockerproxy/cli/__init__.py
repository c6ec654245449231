"""One file per verb: words to values, one call, an answer, an exit status."""
