"""crawler/archive"""
