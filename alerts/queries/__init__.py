"""alerts/queries"""
