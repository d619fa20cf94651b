"""source-controller: follows sources and serves what they hold as artifacts over HTTP."""
