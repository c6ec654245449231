"""The record of each exchange, and its readers: log, metrics, journal and learner."""
