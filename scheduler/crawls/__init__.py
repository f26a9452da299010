"""scheduler/crawls"""
