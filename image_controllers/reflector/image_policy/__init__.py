"""ImagePolicies: one of the tags of a repository, chosen again whenever they change."""
