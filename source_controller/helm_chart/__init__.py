"""HelmChart: a chart of some source becomes an artifact, packaged where it has to be."""
