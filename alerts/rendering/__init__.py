"""alerts/rendering"""
