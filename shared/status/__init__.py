"""What objects say about themselves: conditions, status drafts, and the health of any kind (kstatus)."""
