"""The wire: every kind as pydantic models, the only place where its rules are written down.

Definitions for the API server, reference pages and decoding all come from these models. The package is pure:
it knows no cluster, and what an object means is the business of its controller.
"""
