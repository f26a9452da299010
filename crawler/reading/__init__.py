"""crawler/reading"""
