"""Spiders: where the pages of a source are. One file for each source.

Scrapy finds the spiders by walking this package, so there is nothing to import from it. A spider
knows the addresses and listings of its site; how a question page is read is the page objects'
business (:mod:`crawler.pages`).
"""
