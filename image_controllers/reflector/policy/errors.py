"""Why no tag is chosen."""


class InvalidPolicy(ValueError):
    """What the policy asks for makes no sense; only an edit of it helps."""


class NoChoice(Exception):
    """None of the tags can be chosen; other tags may help."""
