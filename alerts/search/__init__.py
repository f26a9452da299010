"""alerts/search"""
