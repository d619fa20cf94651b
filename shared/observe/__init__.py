"""What can be seen of a process: logs, metrics, health; and time as a collaborator."""
