"""The commands, one module per group of them.

Each module declares its commands and prints their results. ``scheduler.cli.group`` imports a module
when one of its commands is used, so modules are cut by what they need to import, and this package
imports none of them.
"""
