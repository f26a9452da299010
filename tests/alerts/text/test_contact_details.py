"""Which texts hold a way to reach somebody, in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.text import ContactDetail, find_contact_detail

WEB_ADDRESSES = """
https://evil.example/login
HTTPS://EVIL.EXAMPLE
hxxp:evil
open this page and press the button: https://evil.example/login
evil.example
evil.com
EVIL.COM
"see evil.com"
evil.co.uk
london.gov.uk
gov.uk/evil
bit.ly/x
www evil
192.0.2.1
spring.onion
evil.xn--p1ai
evil.рф
evil.соm
evil.cóm
evil．com
evil。com
evil․com
evil•com
evil·com
e𝐯il.𝐜𝐨𝐦
evil(.)com
evil"."com
evil .com
evil. com
evil dot com
evil (dot) com
evil-dot-com
evil d0t com
evil dоt com
evil *dot* com
evil <dot> com
evil /dot/ com
evil full stop com
evil . c o m
e v i l . c o m
hxxp evil com
evil dot co dot uk
mailto:evil
"""
EMAIL_ADDRESSES = """
ann@demo.example
ann @ demo.example
ann@evil
ann＠demo.example
ann (at) evil
ann at gmail
ann AT gmail com
ann _at_ gmail com
"""
TELEPHONE_NUMBERS = """
020 7983 4000
(020) 7983 4000
020-7983-4000
020–7983–4000
020.7983.4000
020/7983/4000
+44 20 7983 4000
00442079834000
07700 900123
0800 1111
7983 4000
0 2 0 7 9 8 3 4 0 0 0
020 1983 2000
01-00-00-00-00
"020" "7983" "4000"
"020" OR "7983" OR "4000"
020 AND 7983 AND 4000
0207 NEAR/3 983 NEAR/3 4000
0207, 983, 4000
+44 OR 20 OR 7983
020 798 three 4000
０２０ ７９８３ ４０００
٠٢٠ ٧٩٨٣ ٤٠٠٠
O2O 7983 4OOO
zero two zero seven nine eight three
oh seven double oh nine double one
"""
TOPICS = """
VRU
VRU OR "violence reduction unit"
e-scooter NOT rental
knife NEAR/5 crime
"knife crime"~5
asked_by:hall
title:knife
SE17 1PB
W1A 1AA
2022/1234
2022/12345
MQ 2022/1234
GLA/2022/0123
22/01234
2018-5425
5G
A40 OR A406
M25
HS2
Ofcom 101
999 OR 101
routes 25, 86, 205
25 OR 86 OR 205
24/7
24 7 365
9/11
2012 2016 2020
2022/1234 OR 2022/1235
01/02/2003
2019-2020
25/12/2022
14.06.2017
2022-12-25
Grenfell Tower 14 June 2017
£1,000,000
2,000,000 OR 3,000,000
05/06/2022 OR 07/08/2022
453 OR 343 OR 172
power point in schools
meeting at London Bridge
£2.5bn
30,000 homes
16 to 25 year olds
one in five OR four in five
No.10
No. 10
7.30pm
s.106
e.g. buses
U.S.A.
R.E.M
Ph.D.
St. George
St.Pancras
Mr. Smith
Node.js
gov.uk
GOV.UK Verify
benches. In Camden
energy. Net zero
dot com bubble
the dot-com boom
dotcom
Red Dot in London
Siân Berry
naïve café
Київ
AT&T
H&M
Mayor’s Question Time
one two three
"""


def list_lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((line, "web address") for line in list_lines(WEB_ADDRESSES)),
        *((line, "email address") for line in list_lines(EMAIL_ADDRESSES)),
        *((line, "telephone number") for line in list_lines(TELEPHONE_NUMBERS)),
        *((line, None) for line in list_lines(TOPICS)),
        ("evil\u200b.\u200bcom", "web address"),
        ("evil.c\u0336om", "web address"),
        ("first line\nevil.com", "web address"),
        ("020\n7983\n4000", "telephone number"),
    ],
)
def test_contact_details_are_found_and_topics_are_not(
    text: str, expected: ContactDetail | None
) -> None:
    assert find_contact_detail(text) == expected


@pytest.mark.slow
@given(
    name=st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True),
    ending=st.sampled_from(["com", "org", "uk", "example", "info", "xyz", "London", "рф"]),
    dot=st.sampled_from([*".。．․•·｡∙⋅‧", " dot ", "(dot)", "-dot-", "\u200b.", " ."]),
    around=st.sampled_from(["{}", "see {} now", '"{}"', "knife OR {}", "({})", "{}/x", "x {}, y"]),
)
def test_a_domain_is_found_however_its_dot_is_written(
    name: str, ending: str, dot: str, around: str
) -> None:
    spoken = "dot" in dot
    text = around.format(f"{name}{dot}{ending}")
    assert find_contact_detail(text) is not None or (spoken and name in {"a", "an", "the"})


@pytest.mark.slow
@given(
    digits=st.from_regex(r"0[1-9]\d{8,9}", fullmatch=True),
    sign=st.sampled_from(["", " ", "-", ".", " - ", "/", "–", "_", "\u00a0", ") ("]),
    every=st.integers(1, 5),
)
def test_a_telephone_number_is_found_however_it_is_grouped(
    digits: str, sign: str, every: int
) -> None:
    groups = [digits[start : start + every] for start in range(0, len(digits), every)]
    assert find_contact_detail(f"ring {sign.join(groups)} now") == "telephone number"


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["a.", "1 ", "dot ", "one ", "a-", "0", "(.", ". ", "@", "a "])
def test_the_longest_query_takes_no_time(piece: str) -> None:
    """It would not end within the test's time limit if its work grew with the square."""
    find_contact_detail(piece * 5000)
