"""One module per verb: it reads the arguments, makes one call, prints the answer and returns an exit status."""
