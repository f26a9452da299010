"""alerts/feeds"""
