"""Spiders: where a source's pages are, and nothing else. One file a source."""
