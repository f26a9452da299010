"""scheduler/config"""
