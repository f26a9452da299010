"""Replicas of the sources: the same pages over HTTP, with invented people and invented text.

Tests, the demo and the benchmarks crawl them instead of the live sites. A world says what can be
seen when; a site serves it. The replica repeats what is known of the real pages and imports
nothing of the code that reads them, so that one mistake cannot hide in both.
"""

from crawler.replica.demo import build_demo_world
from crawler.replica.faults import ReplicaFaults
from crawler.replica.inventor import InventedQuestion, InventedTopic, Inventor
from crawler.replica.large_world import build_large_world
from crawler.replica.living_world import LivingWorld
from crawler.replica.site import FAULTS_PATH, create_site
from crawler.replica.world import ReplicaWorld

__all__ = [
    "FAULTS_PATH",
    "InventedQuestion",
    "InventedTopic",
    "Inventor",
    "LivingWorld",
    "ReplicaFaults",
    "ReplicaWorld",
    "build_demo_world",
    "build_large_world",
    "create_site",
]
