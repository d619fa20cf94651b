"""Git hosts: statuses of commits, comments on pull and merge requests, and dispatches of GitHub."""
