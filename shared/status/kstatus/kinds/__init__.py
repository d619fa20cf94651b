"""One rule per built-in kind: a pure function from the object, and the time, to a result."""
