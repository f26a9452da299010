"""scheduler/web"""
