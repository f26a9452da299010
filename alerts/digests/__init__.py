"""alerts/digests"""
