"""The whole service among faults, and an audit of what came of it: ``make chaos``.

An episode runs the real daemon with its pages, reading a replica of the source, on SQLite or on
PostgreSQL, sending through SMTP. While the source moves on, faults come at random: the daemon is
killed, the database restarted, the disk filled, the clock stepped; the mail server and the source
misbehave. Each fault must show in the health of the service, and its end as well. Afterwards the
emails, feeds and pages must be those of an undisturbed run: nothing lost, and doubled only what
``docs/explanation/delivery.md`` says may be.
"""
