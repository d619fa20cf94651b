"""A real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager, no root, no
container.

For the demo, the tests and the bench; nothing of it is part of a release. `python -m localcluster --help`
tells how to use it by hand.
"""

from localcluster.access import Access, ClusterError
from localcluster.cluster import Cluster
from localcluster.programs import ProgramError, ensure, path

__all__ = ["Access", "Cluster", "ClusterError", "ProgramError", "ensure", "path"]
