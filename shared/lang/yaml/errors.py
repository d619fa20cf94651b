"""What is wrong with a YAML text, told without repeating it."""


class YamlError(ValueError):
    """A text can't be read as YAML, or holds something that JSON has no place for.

    `document` counts from 1, so do `line` and `column`; a line of 0 means that no position is known.
    """

    def __init__(self, problem: str, *, document: int = 1, line: int = 0, column: int = 0) -> None:
        """Compose the message from a problem and a position."""
        self.problem = problem
        self.document = document
        self.line = line
        self.column = column
        where = f"document {document}, line {line}, column {column}" if line else f"document {document}"
        super().__init__(f"not valid YAML at {where}: {problem}")
