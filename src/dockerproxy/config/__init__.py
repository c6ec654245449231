"""What an operator wrote, turned into settings and a policy."""
