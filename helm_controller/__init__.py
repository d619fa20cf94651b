"""helm-controller: installs, upgrades and keeps Helm releases as HelmReleases want them."""
