"""HelmRepository: the index of a repository of charts becomes an artifact; who reads indexes, and
downloads charts.
"""
