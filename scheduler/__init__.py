"""When things happen, and the wiring: config, clock, jobs, daemon, command line and demo.

The only package that reads the config and the time, starts processes and opens ports. It decides
nothing about questions, topics or messages; it calls ``alerts`` and ``crawler``, which do not know
it. Its parts are ``config``, ``service`` (everything that jobs share), ``jobs``, ``crawls``,
``daemon``, ``web`` (the web server), ``cli`` and ``demo``.
"""
