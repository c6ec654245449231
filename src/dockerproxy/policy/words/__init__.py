"""The words of a policy: the parts of a request that they judge, and the requests that they admit."""
