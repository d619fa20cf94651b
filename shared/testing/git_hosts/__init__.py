"""Servers on loopback that behave like the APIs of Git hosts: they keep what they are told, and are strict.

They know who logs in, refuse what their models refuse, list in pages and answer errors in the form that each
host has. What goes wrong on a network is told to them: a refusal, or an answer that gets lost.
"""

from shared.testing.git_hosts.azure import AzureDevOpsHost
from shared.testing.git_hosts.bitbucket import BitbucketHost, BitbucketServerHost
from shared.testing.git_hosts.github import App, GitHubHost
from shared.testing.git_hosts.gitlab import GitLabHost
from shared.testing.git_hosts.host import Asked, Fault, GitHost

__all__ = [
    "App",
    "Asked",
    "AzureDevOpsHost",
    "BitbucketHost",
    "BitbucketServerHost",
    "Fault",
    "GitHost",
    "GitHubHost",
    "GitLabHost",
]
