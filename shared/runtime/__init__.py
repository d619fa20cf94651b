"""What runs a controller: queue, turns, the frame around a reconciler, leadership, settings, start, stop."""
