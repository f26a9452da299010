"""alerts/delivery"""
