"""The record of each exchange, the log, and the port of the learner."""
