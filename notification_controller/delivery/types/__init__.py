"""The types of providers that are no Git hosts; each module knows how one service is told of an event."""
