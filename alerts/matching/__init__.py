"""alerts/matching"""
