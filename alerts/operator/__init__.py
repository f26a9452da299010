"""alerts/operator"""
