"""Git over SSH: the login of a remote, connections to its host, and the conversation with its upload-pack.

asyncssh speaks the protocol; it is loaded with the first SSH remote, because it costs 15 MiB.
"""

from shared.git.ssh.algorithms import SshAlgorithms
from shared.git.ssh.login import EncryptedIdentity, SshLogin

__all__ = ["EncryptedIdentity", "SshAlgorithms", "SshLogin"]
