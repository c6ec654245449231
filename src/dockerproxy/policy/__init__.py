"""What is allowed: grants, their compilation, the decision."""
