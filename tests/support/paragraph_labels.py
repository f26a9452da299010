"""Beginnings of paragraphs: labels of speakers, and what only looks like one."""

from __future__ import annotations

SPEAKER_LABELS = [
    # seen in the dialogues of 2002 to 2023
    "Sadiq Khan (Mayor of London)",
    "Boris Johnson MP (Mayor of London)",
    "Sadiq Khan (Chair, Transport for London)",
    "Caroline Pidgeon MBE AM",
    "Valerie Shawcross CBE (AM)",
    "Kit Malthouse AM MP",
    "Andrew Dismore (Assembly Member for Barnet and Camden)",
    "Andrew Boff AM (Chair)",
    "Jennette Arnold OBE (Chair)",
    "The Chair",
    "Mike Tuffrey",
    "Chair, London Assembly",
    "Steve O’Connell (AM)",
    "Steve O'Connell AM",
    "Darren Johnson AM (Deputy Chairman in the Chair)",
    # offices
    "Chair",
    "Deputy Chair",
    "The Deputy Chair",
    "The Mayor",
    "Chair of the London Assembly",
    "The Chair (Andrew Boff AM)",
    # people of whom nothing else is known
    "Léonie Marchbanks-Osei AM (Chair)",
    "Zoë van der Merwe-Pike AM",
    "D’Arcy O'Connell-Bright OBE AM",
    "Sìle Ní Bhriain-Hughes AM",
    "J. K. Brook AM",
    "ADA BROOK AM",
    "Lord Quillington of Nunhead AM",
    "Dame Ottoline Ferreira-Stubbs DBE (Commissioner, Transport for London)",
    "Sir Ben Cole",
    "Sir Ben Sutton",  # also a borough
    "Dr Brook",
    "Baroness Quill",
    "Ada Brook, Chair of the Board and Interim Director",
    "Ada Brook (Chief Executive (Interim), Crossrail Ltd)",
    # known people, with less said of them
    "Dr Onkar Sahota",
    "Lord Bailey of Paddington",
    "Susan Hall (City Hall)",
]

#: The boroughs, as a list of figures or of remarks names them.
BOROUGHS = [
    *("Barking and Dagenham", "Barnet", "Bexley", "Brent", "Bromley", "Camden", "City of London"),
    *("Croydon", "Ealing", "Enfield", "Greenwich", "Hackney", "Hammersmith and Fulham", "Haringey"),
    *("Harrow", "Havering", "Hillingdon", "Hounslow", "Islington", "Kensington and Chelsea"),
    *("Kensington & Chelsea", "Kingston upon Thames", "Kingston-upon-Thames", "Lambeth"),
    *("Lewisham", "Merton", "Newham", "Redbridge", "Richmond upon Thames", "Southwark", "Sutton"),
    *("Tower Hamlets", "Waltham Forest", "Wandsworth", "Westminster", "City of Westminster"),
]

NOT_LABELS = [
    "In summary: it is done.",
    "Note: it is done.",
    "Transport Strategy: it is done.",
    "Question: is it done?",
    "Date:  Tuesday 20 December 2022",
    "The figures are as follows:",
    "https://www.example.org/questions",
    "Sadiq Khan said: it is done.",
    "10:30",
    "10:30 AM: doors open",
    "At 9 AM: doors open",
    ": it is done.",
    ":",
    "",
    "No colon here",
    "Air Quality (London): it is done.",
    "Air Quality (Mayor's Strategy): it is done.",
    "Cycle Superhighway (Phase 2): it is done.",
    "Low Emission Zone (executive summary): it is done.",
    "Waltham Forest: 35",
    "Ada Brook: it is done.",  # bare, and nobody of that name is known
    "Mayor's Oral Update: it is done.",
    "Ada Brook AM asked this: is it done?",
    "Caroline Pidgeon, who asked for it: is it done?",
    "Mr Mayor, thank you: it is done.",
    "Sadiq Khan (Mayor of London: it is done)",  # no colon outside the brackets
    "Ada Brook AM (Chair of " + "the very long committee " * 5 + "): it is done.",
]
