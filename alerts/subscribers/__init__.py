"""alerts/subscribers"""
