"""The walk of a new operator: from a bare Debian to a service and its backup.

``make walk`` boots a Debian in a container, types in it what the documentation says, looks at what
came of it from outside, and writes ``docs/tutorial/operator-walk.md``. It needs root, because it
installs packages in the container and serves port 443 there.
"""
