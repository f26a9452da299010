"""The replica: a stand-in for the source, with its markup and its quirks, in an invented world.

The demonstration and the tests crawl it over real HTTP. Nobody in it exists and nothing in it was
ever said; every page says so.
"""
