"""Markers in YAML files, and the edits that they ask for.

Only the bytes of a marked scalar change: comments, blank lines, line ends, indents and quotes of a file are
its author's business.
"""
