"""alerts/bounces"""
