"""ImageRepositories: the tags of repositories, scanned again and again."""
