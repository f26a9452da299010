"""What many subscribers cost, and what a second processor brings: ``make bench-scale``.

Processes are real, on a PostgreSQL server of their own; they call the functions of
:mod:`scheduler.tasks`, as the workers of a cluster do. Messages go to Postfix's ``smtp-sink``,
which throws them away. All figures say how busy the machine was beside them.
"""
