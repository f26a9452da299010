"""Rendering: templates, and what every rendered text needs.

Owns the loading of templates, the inlining of CSS, the cleaning of HTML that is not ours, labels,
and the paths of our pages. It must not know messages, digests, pages or feeds: its callers say
which template to render, with what.
"""

from alerts.rendering.labels import (
    ALARM_LABELS,
    CHANGE_LABELS,
    FIELD_LABELS,
    FREQUENCY_LABELS,
    PASSAGE_LABELS,
    QUESTION_STATUS_LABELS,
    describe_schedule,
    label_question,
    summarise_kinds,
)
from alerts.rendering.question_words import (
    STATUS_DISCS,
    describe_day,
    describe_delay,
    describe_people,
)
from alerts.rendering.sanitise import clean_xml_text
from alerts.rendering.templates import (
    Templates,
    TemplatesError,
    find_shipped_templates,
)
from alerts.rendering.urls import (
    body_path,
    member_path,
    name_host,
    name_in_sentence,
    name_site,
    normalise_link,
    query_path,
    question_path,
    short_path,
    topic_path,
)

__all__ = [
    "ALARM_LABELS",
    "CHANGE_LABELS",
    "FIELD_LABELS",
    "FREQUENCY_LABELS",
    "PASSAGE_LABELS",
    "QUESTION_STATUS_LABELS",
    "STATUS_DISCS",
    "Templates",
    "TemplatesError",
    "body_path",
    "clean_xml_text",
    "describe_day",
    "describe_delay",
    "describe_people",
    "describe_schedule",
    "find_shipped_templates",
    "label_question",
    "member_path",
    "name_host",
    "name_in_sentence",
    "name_site",
    "normalise_link",
    "query_path",
    "question_path",
    "short_path",
    "summarise_kinds",
    "topic_path",
]
