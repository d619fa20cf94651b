"""Real servers and processes on loopback for tests, the demo and the bench; never imported at run time."""
