"""People's names in running texts, told from other words by what stands beside them. Pure.

In "the question of Susannah Hall" a hall is not meant, so the surname has no other forms
(:func:`alerts.text.prepare_texts`). A name is found in a *run*, words that begin with a capital and
follow each other with one space or hyphen in between:

* after a title: ``Mr Hall``, ``Baroness Casey``, ``Assembly Member Hall``;
* after a given name of ``given_names.txt``: ``Susannah Hall``, ``James Small-Edwards``.

A place or a body must not be taken for a person, or the topic ``parks`` would miss "Victoria Park".
So words that are hardly ever surnames are none, nor are plurals of common words, nor a word such as
*park* after a name that many places have. Where it is not certain, a word keeps its other forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources

from alerts.text.english import is_common_word, stem


def _split(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Nearly always followed by a name.
_TITLES = _split("baroness cllr dame dr miss mr mrs ms mx rev sir")
#: Also words of headings: "Councillor Allowances", "Lord Mayor".
_WEAK_TITLES = _split("baron councillor lady lord prof professor")
#: What follows a title in place of a name: "Mr Mayor", "Lord Chief Justice".
_ROLES = _split(
    """
    advocate chair chairman chairwoman chancellor chief commissioner deputy judge justice lieutenant
    mayor mayoress minister president provost secretary speaker
    """
)
#: What makes a place's or body's name of a given name; none is a frequent surname.
_NEVER_SURNAMES = _ROLES | _split(
    """
    academy act airport arms avenue bill building campus cathedral centre charter circus clinic
    collection college commission committee corner crescent dock docks embankment estate festival
    foundation fund gallery garden gardens hospice hospital hotel house inquiry institute junction
    library line market museum nursery palace pier place primary programme report review road
    roundabout school scheme society square stadium station studio terrace theatre tower town trust
    tunnel university walk way wharf
    """
)
#: Surnames as well as kinds of places, which need a given name of no place.
_PLACE_SURNAMES = _split(
    """
    bank barn bridge brook castle church close common cottage court cross dale drive end farm field
    ford gate grange green grove hall heath hill lake lane lodge manor marsh mews mill moor mount
    park pond pool reservoir rise river street vale valley view well west wood woods yard
    """
)
#: Given names that streets, parks and halls have: royal, of saints, and of London's landowners.
_OF_PLACES = _split(
    """
    adelaide albert alexander alexandra alfred andrew ann anne arnold arthur augusta barbara bernard
    bruce caroline cecil charles charlotte clarence claude david denmark douglas duncan edgar edith
    edmund edward eleanor elizabeth emerson ernest eugene fitzroy florence francis frederick george
    gordon gregory harold helen helena henrietta henry howard hugh isabella james jane john joseph
    katharine katherine kelly kenneth kirby laurence lawrence leonard leopold lewis lloyd louise
    luke margaret maria martin mary matthew maud maurice michael neville nicholas noel norman oliver
    oscar paul percy perry peter philip ralph raymond regina richard robert roland rupert russell
    scott seymour shirley sidney stanley stephen stewart stuart sylvia thomas timothy victor
    victoria vincent wallace walter warren wesley wilfred william winston
    """
)
#: Before a given name that is a saint's or a king's, or a place's called after them.
_HONOURED = _split("duchess duke emperor empress king prince princess queen saint st")


@cache
def load_given_names() -> frozenset[str]:
    """Return the folded given names."""
    text = (resources.files(__package__) / "given_names.txt").read_text(encoding="ascii")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


@cache
def list_name_signs() -> frozenset[str]:
    """Return the words of which a run has one before each name in it."""
    return load_given_names() | _TITLES | _WEAK_TITLES | {"member"}


def list_runs(joined: Iterable[int]) -> list[range]:
    """Return the runs of words, given which are joined to the next, in order."""
    runs: list[range] = []
    for at in joined:
        if runs and runs[-1].stop == at + 1:
            runs[-1] = range(runs[-1].start, at + 2)
        else:
            runs.append(range(at, at + 2))
    return runs


def find_person_names(words: Sequence[str], is_linked: Sequence[bool]) -> set[int]:
    """Return which words of a run are of people's names.

    Args:
        words: The folded words of the run, with neither endings nor signs.
        is_linked: Of each, whether a hyphen links it to the next.
    """
    if list_name_signs().isdisjoint(words):
        return set()
    parts = list(_join_linked(words, is_linked))
    run = ["".join(words[at] for at in part) for part in parts]
    firsts = [words[part[0]] for part in parts]
    return {at for place in _find_in_parts(run, firsts) for at in parts[place]}


def _join_linked(words: Sequence[str], is_linked: Sequence[bool]) -> Iterator[list[int]]:
    """Generate the places of words that hyphens link: ``Small-Edwards`` is one part of a run."""
    part: list[int] = []
    for at in range(len(words)):
        part.append(at)
        if not is_linked[at]:
            yield part
            part = []
    if part:
        yield part


def _find_in_parts(run: Sequence[str], firsts: Sequence[str]) -> Iterator[int]:
    """Generate the places of names; ``firsts`` has the first words of the parts."""
    for at, word in enumerate(run[:-1]):
        before = run[at - 1] if at else ""
        if word in _TITLES:
            yield from _find_after_title(run, at + 1, is_certain=True)
        elif word in _WEAK_TITLES or (word == "member" and before == "assembly"):
            yield from _find_after_title(run, at + 1, is_certain=False)
        elif firsts[at] in load_given_names() and before not in _HONOURED:
            yield from _find_after_given(run, at)


def _find_after_title(run: Sequence[str], at: int, *, is_certain: bool) -> Iterator[int]:
    word = run[at]
    if word in _ROLES or not (is_certain or _can_be_surname(word)):
        return
    yield at
    if at + 1 < len(run) and word in load_given_names() and _can_be_surname(run[at + 1], word):
        yield at + 1


def _find_after_given(run: Sequence[str], at: int) -> Iterator[int]:
    """Generate the places of a given name, of those after it, and of the surname."""
    surname = at + 1
    while surname + 1 < len(run) and _is_middle_name(run[surname]):
        surname += 1
    while surname > at and not _can_be_surname(run[surname], run[at]):
        surname -= 1  # "Susan Lee Review"
    if surname > at:
        yield from range(at, surname + 1)


def _is_middle_name(word: str) -> bool:
    return len(word) == 1 or word in load_given_names()


def _can_be_surname(word: str, given: str = "") -> bool:
    """Return whether a word can be a surname, after a given name if there is one."""
    if word in _NEVER_SURNAMES or (given in _OF_PLACES and word in _PLACE_SURNAMES):
        return False
    if not is_common_word(word):
        return True
    return stem(word) == word and not (given and is_common_word(given))
