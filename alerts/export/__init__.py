"""alerts/export"""
