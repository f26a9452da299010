"""Programs for those who work on the project: pictures for the docs, judges of what we send."""
