"""Choices of options that come from the model's tables."""

from __future__ import annotations

from typing import get_args

import click

from alerts.model import Detail, Frequency, Updates

FREQUENCY_CHOICE = click.Choice([frequency.value for frequency in Frequency])
UPDATES_CHOICE = click.Choice(get_args(Updates))
DETAIL_CHOICE = click.Choice(get_args(Detail))
