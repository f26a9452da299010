"""What the service costs, measured: ``make bench``."""
