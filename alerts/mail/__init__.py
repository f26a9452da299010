"""alerts/mail"""
