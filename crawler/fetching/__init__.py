"""crawler/fetching"""
