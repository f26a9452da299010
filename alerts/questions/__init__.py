"""alerts/questions"""
