"""Pure values: the languages that objects, manifests and flags are written in. No I/O, no asyncio."""
