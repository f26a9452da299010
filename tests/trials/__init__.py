"""A whole cluster among faults, and an audit of what subscribers were sent: ``make trials``.

Two schedulers, two web processes and three workers run as processes of their own on a private
PostgreSQL server, and are started again when they end, as systemd does. While they match, compose
and deliver, one fault after another comes: processes are killed or stand still, the database is
restarted or ends all sessions, the mail server is gone, and a worker in a network of its own loses
the database or the mail server. Afterwards each subscriber must have exactly the right digests, and
none twice but for messages that were in doubt.
"""
