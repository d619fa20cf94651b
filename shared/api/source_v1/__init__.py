"""`source.toolkit.fluxcd.io/v1`: where content comes from."""

from shared.api.source_v1.bucket import Bucket, BucketSpec, BucketStatus, BucketSTS
from shared.api.source_v1.common import GROUP, OIDCIdentityMatch, Provider, SignatureVerification
from shared.api.source_v1.external import ExternalArtifact
from shared.api.source_v1.git import (
    GitProvider,
    GitRepository,
    GitRepositoryInclude,
    GitRepositoryRef,
    GitRepositorySpec,
    GitRepositoryStatus,
    GitRepositoryVerification,
)
from shared.api.source_v1.helm import (
    ChartSourceReference,
    HelmChart,
    HelmChartSpec,
    HelmChartStatus,
    HelmRepository,
    HelmRepositorySpec,
    HelmRepositoryStatus,
)
from shared.api.source_v1.oci import (
    OCILayerSelector,
    OCIRepository,
    OCIRepositoryRef,
    OCIRepositorySpec,
    OCIRepositoryStatus,
    OCISignatureVerification,
)

__all__ = [
    "GROUP",
    "Bucket",
    "BucketSTS",
    "BucketSpec",
    "BucketStatus",
    "ChartSourceReference",
    "ExternalArtifact",
    "GitProvider",
    "GitRepository",
    "GitRepositoryInclude",
    "GitRepositoryRef",
    "GitRepositorySpec",
    "GitRepositoryStatus",
    "GitRepositoryVerification",
    "HelmChart",
    "HelmChartSpec",
    "HelmChartStatus",
    "HelmRepository",
    "HelmRepositorySpec",
    "HelmRepositoryStatus",
    "OCILayerSelector",
    "OCIRepository",
    "OCIRepositoryRef",
    "OCIRepositorySpec",
    "OCIRepositoryStatus",
    "OCISignatureVerification",
    "OIDCIdentityMatch",
    "Provider",
    "SignatureVerification",
]
