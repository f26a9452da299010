"""Acronyms that are spoken as words, and so often written like words: *Ulez*, *Covid-19*. Pure."""

from __future__ import annotations

#: None of them is another word, so they are found in any case. Style guides write them with one
#: capital (https://www.theguardian.com/guardian-observer-style-guide-a, "abbreviations and
#: acronyms"), official texts mostly in capitals.
_SPOKEN_ACRONYMS = frozenset(
    """
    acas asbo asean aukus bafta bame beis brics cafcass camhs covid defra ecowas fifa lidar mappa
    marac mers mopac nasa nato nimby ofcom ofgem ofqual ofsted ofwat opec pfas raac sars senco ucas
    uefa ukip ulez unesco unicef unrwa waspi yimby
    """.split()  # noqa: SIM905 (quoted words would be harder to read)
)


def find_spoken_acronym(word: str) -> str | None:
    """Return the acronym, in capitals, that a folded word is or is the plural of."""
    for form in (word, word.removesuffix("s")):
        if form in _SPOKEN_ACRONYMS:
            return form.upper()
    return None
