"""What is more than forwarding: generators of the steps that the data path takes for a request."""
