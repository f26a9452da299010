"""From questions to subscribers: what changed, who wants to know, and how they are told.

The packages stand in layers (``docs/explanation/architecture.md``). They get the clock, the
configuration and an open ledger passed in. They must not know the scheduler, and of the crawler
only its records, plans and reports.
"""
