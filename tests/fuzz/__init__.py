"""Random input for everything that reads something from outside: ``make fuzz``.

Each target takes inputs that are nearly right, changed at random, and gives them to the program as
its users would: through the command line, and through HTTP on a socket. An input must be accepted
or refused in words. A traceback, a 5xx, more than a second of processor time, growing memory, and
output that is no valid XML or HTML are failures; the input is then kept in a file.
"""
