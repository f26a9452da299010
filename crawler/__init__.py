"""The crawler: from a site on the web to canonical records of questions.

Its public modules are :mod:`crawler.records` (the canonical record), :mod:`crawler.plan` (what a
crawl is told) and :mod:`crawler.report` (what a crawl prints). Of its packages, others use the
faces of ``pages``, ``reading``, ``archive`` and ``replica``.

The crawler holds no database and knows neither ``alerts`` nor ``scheduler``.
"""
