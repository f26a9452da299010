"""The channels that messages leave by: one module each, found by its name.

To add a channel, add one module here with one subclass of
:class:`~alerts.delivery.channel.ChannelSettings`. It declares the schemes of the recipients that it
carries and, as its fields, what its ``[channels.NAME]`` section holds. Nothing else is edited.

Channels know nothing of digests, subscribers or the ledger: they are given bytes and an address.
"""
