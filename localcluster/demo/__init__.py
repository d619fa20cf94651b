"""`make demo`: a commit rolling out through Headrace on a real control plane, told as it happens."""
