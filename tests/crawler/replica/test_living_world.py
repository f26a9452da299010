"""What the replica invents after its script."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crawler.replica import InventedTopic, Inventor, LivingWorld, build_demo_world

START = datetime(2026, 11, 26, 5, tzinfo=UTC)
NOW = START + timedelta(days=9)


def make_world() -> tuple[LivingWorld, Inventor]:
    script = build_demo_world(START)
    return LivingWorld(script), Inventor(script.members, seed=1)


def test_a_question_is_added_answered_corrected_and_withdrawn() -> None:
    world, inventor = make_world()
    before = len(world.take_snapshot(NOW).questions)
    invented = inventor.invent_question(InventedTopic("night buses"))
    asked = world.ask(invented, NOW)
    assert len(world.take_snapshot(NOW).questions) == before + 1
    assert "night buses" in asked.text
    world.hold(asked.slug, NOW)
    world.answer(asked.slug, first := inventor.invent_answer(invented), NOW)
    world.answer(asked.slug, inventor.correct_answer(first), NOW)
    shown = world.find(asked.slug)
    assert shown is not None
    [answer] = shown.answers
    assert answer.html != first
    world.withdraw(asked.slug)
    assert world.take_snapshot(NOW).find_by_slug(asked.slug) is None
    with pytest.raises(KeyError):
        world.answer(asked.slug, first, NOW)


def test_references_and_addresses_go_on_from_the_script_without_a_gap() -> None:
    world, inventor = make_world()
    scripted = {q.reference for q in world.take_snapshot(NOW).questions}
    topic = InventedTopic("street trees")
    asked = [world.ask(inventor.invent_question(topic), NOW) for _ in range(100)]
    assert len({one.slug for one in asked}) == 100
    assert not scripted & {one.reference for one in asked}
    numbers = [int(str(one.reference).partition("/")[2]) for one in asked]
    assert numbers == list(range(numbers[0], numbers[0] + 100))


def test_a_typed_topic_is_text_and_not_markup() -> None:
    world, inventor = make_world()
    invented = inventor.invent_question(InventedTopic("<b>{place}</b>"))
    asked = world.ask(invented, NOW)
    assert "<b>" not in asked.html
    assert "<b>{place}</b>" in asked.text


def test_the_same_seed_invents_the_same() -> None:
    first, second = make_world()[1], make_world()[1]
    for _ in range(20):
        topic = first.choose_topic()
        assert topic == second.choose_topic()
        one, other = first.invent_question(topic), second.invent_question(topic)
        assert one == other
        assert first.invent_answer(one) == second.invent_answer(other)
