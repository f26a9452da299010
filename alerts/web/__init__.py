"""Pages of ours. For now the one that every email leads to, and the feeds."""
