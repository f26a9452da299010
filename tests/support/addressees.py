"""Strings that say who was asked, and who that is: the real ones, and invented ones beside them."""

from __future__ import annotations

#: What is printed, and of each addressee: its part, the name, the role.
ADDRESSEES: dict[str, list[tuple[str, str, str | None]]] = {
    # every string of the real questions
    "The Mayor": [("The Mayor", "The Mayor", None)],
    "John Duffy": [("John Duffy", "John Duffy", None)],
    "Michael Mulhern": [("Michael Mulhern", "Michael Mulhern", None)],
    "Sadiq Khan": [("Sadiq Khan", "Sadiq Khan", None)],
    "Boris Johnson": [("Boris Johnson", "Boris Johnson", None)],
    "Boris Johnson MP (Chairman, TfL) and Mike Brown MVO (Commissioner, TfL)": [
        ("Boris Johnson MP (Chairman, TfL)", "Boris Johnson", "Chairman, TfL"),
        ("Mike Brown MVO (Commissioner, TfL)", "Mike Brown", "Commissioner, TfL"),
    ],
    "Simon Wright (Chief Executive Officer, Crossrail Ltd)": [
        (
            "Simon Wright (Chief Executive Officer, Crossrail Ltd)",
            "Simon Wright",
            "Chief Executive Officer, Crossrail Ltd",
        )
    ],
    "Barbara Cassani (Chair of the Olympic Bid Company)": [
        (
            "Barbara Cassani (Chair of the Olympic Bid Company)",
            "Barbara Cassani",
            "Chair of the Olympic Bid Company",
        )
    ],
    "Peter Hendy (Commissioner, Transport for London)": [
        (
            "Peter Hendy (Commissioner, Transport for London)",
            "Peter Hendy",
            "Commissioner, Transport for London",
        )
    ],
    "Boris Johnson (Chair, TfL) and Sir Peter Hendy (Commissioner, TfL)": [
        ("Boris Johnson (Chair, TfL)", "Boris Johnson", "Chair, TfL"),
        ("Sir Peter Hendy (Commissioner, TfL)", "Peter Hendy", "Commissioner, TfL"),
    ],
    # values of the search facet "Asked of"
    "Liz Peace CBE (Chair, OPDC)": [("Liz Peace CBE (Chair, OPDC)", "Liz Peace", "Chair, OPDC")],
    "Liz Peace CBE, Chair, OPDC": [("Liz Peace CBE, Chair, OPDC", "Liz Peace", "Chair, OPDC")],
    "Dame Cresida Dick DBE QPM, Commissioner of Police of the Metropolis": [
        (
            "Dame Cresida Dick DBE QPM, Commissioner of Police of the Metropolis",
            "Cresida Dick",
            "Commissioner of Police of the Metropolis",
        )
    ],
    "Sadiq Khan (Mayor of London) & "
    "Sir Bernard Hogan-Howe (Commissioner of Police of the Metropolis)": [
        ("Sadiq Khan (Mayor of London)", "Sadiq Khan", "Mayor of London"),
        (
            "Sir Bernard Hogan-Howe (Commissioner of Police of the Metropolis)",
            "Bernard Hogan-Howe",
            "Commissioner of Police of the Metropolis",
        ),
    ],
    "Rajesh Agrawal Deputy Mayor for Business": [
        (
            "Rajesh Agrawal Deputy Mayor for Business",
            "Rajesh Agrawal",
            "Deputy Mayor for Business",
        )
    ],
    "Nadhim Zahawi MP, Under-Secretary of State for COVID-19 Vaccine Deployment": [
        (
            "Nadhim Zahawi MP, Under-Secretary of State for COVID-19 Vaccine Deployment",
            "Nadhim Zahawi",
            "Under-Secretary of State for COVID-19 Vaccine Deployment",
        )
    ],
    "Councillor Georgia Gould, Board Member": [
        ("Councillor Georgia Gould, Board Member", "Georgia Gould", "Board Member")
    ],
    "Sadiq Khan (Mayor of London) & Mike Brown MVO (Commissioner, Transport for London)": [
        ("Sadiq Khan (Mayor of London)", "Sadiq Khan", "Mayor of London"),
        (
            "Mike Brown MVO (Commissioner, Transport for London)",
            "Mike Brown",
            "Commissioner, Transport for London",
        ),
    ],
    "Baroness Ford (Chair, OPLC) and Andrew Altman (Chief Executive, OPLC)": [
        ("Baroness Ford (Chair, OPLC)", "Baroness Ford", "Chair, OPLC"),
        ("Andrew Altman (Chief Executive, OPLC)", "Andrew Altman", "Chief Executive, OPLC"),
    ],
    "Neale Coleman, Director of Business Planning & Regeneration, GLA": [
        (
            "Neale Coleman, Director of Business Planning & Regeneration, GLA",
            "Neale Coleman",
            "Director of Business Planning & Regeneration, GLA",
        )
    ],
    "Mike Brown (Commissioner, Transport for London)": [
        (
            "Mike Brown (Commissioner, Transport for London)",
            "Mike Brown",
            "Commissioner, Transport for London",
        )
    ],
    "David Lunts, Chief Executive, OPDC": [
        ("David Lunts, Chief Executive, OPDC", "David Lunts", "Chief Executive, OPDC")
    ],
    "Eric Ollerenshaw": [("Eric Ollerenshaw", "Eric Ollerenshaw", None)],
    "Tom Copley": [("Tom Copley", "Tom Copley", None)],
    "Ken Livingstone": [("Ken Livingstone", "Ken Livingstone", None)],
    "Mike\u00a0Brown\u00a0MVO (Commissioner,\u00a0Transport for London)": [
        (
            "Mike Brown MVO (Commissioner, Transport for London)",
            "Mike Brown",
            "Commissioner, Transport for London",
        )
    ],
    # the other separators
    "Ada Brook (Chair, TfL), Sir Ben Cole (Commissioner, TfL), and Cy Dean (MD Surface)": [
        ("Ada Brook (Chair, TfL)", "Ada Brook", "Chair, TfL"),
        ("Sir Ben Cole (Commissioner, TfL)", "Ben Cole", "Commissioner, TfL"),
        ("Cy Dean (MD Surface)", "Cy Dean", "MD Surface"),
    ],
    "Ada Brook, Ben Cole and Cy Dean": [
        ("Ada Brook", "Ada Brook", None),
        ("Ben Cole", "Ben Cole", None),
        ("Cy Dean", "Cy Dean", None),
    ],
    "The Mayor and Sir Ben Cole": [
        ("The Mayor", "The Mayor", None),
        ("Sir Ben Cole", "Ben Cole", None),
    ],
    "The Mayor & The Commissioner": [
        ("The Mayor", "The Mayor", None),
        ("The Commissioner", "The Commissioner", None),
    ],
    "Ada Brook, Deputy Mayor for Policing and Crime, and Sir Ben Cole QPM, Commissioner": [
        (
            "Ada Brook, Deputy Mayor for Policing and Crime",
            "Ada Brook",
            "Deputy Mayor for Policing and Crime",
        ),
        ("Sir Ben Cole QPM, Commissioner", "Ben Cole", "Commissioner"),
    ],
    "Ada Brook Deputy Mayor for Business and Ben Cole Deputy Mayor for Fire": [
        ("Ada Brook Deputy Mayor for Business", "Ada Brook", "Deputy Mayor for Business"),
        ("Ben Cole Deputy Mayor for Fire", "Ben Cole", "Deputy Mayor for Fire"),
    ],
    # an "and" or a comma inside a role or a body is no separator
    "Ada Brook (Deputy Mayor, Planning, Regeneration and Skills)": [
        (
            "Ada Brook (Deputy Mayor, Planning, Regeneration and Skills)",
            "Ada Brook",
            "Deputy Mayor, Planning, Regeneration and Skills",
        )
    ],
    "Ada Brook, Deputy Mayor for Housing and Residential Development": [
        (
            "Ada Brook, Deputy Mayor for Housing and Residential Development",
            "Ada Brook",
            "Deputy Mayor for Housing and Residential Development",
        )
    ],
    "Deputy Mayor for Housing and Residential Development": [
        (
            "Deputy Mayor for Housing and Residential Development",
            "Deputy Mayor for Housing and Residential Development",
            None,
        )
    ],
    "Ada Brook CBE, Chair, Old Oak and Park Royal Development Corporation": [
        (
            "Ada Brook CBE, Chair, Old Oak and Park Royal Development Corporation",
            "Ada Brook",
            "Chair, Old Oak and Park Royal Development Corporation",
        )
    ],
    "Ada Brook, Mayor of London and Chair, TfL": [
        ("Ada Brook, Mayor of London and Chair, TfL", "Ada Brook", "Mayor of London and Chair, TfL")
    ],
    "Chair, London Assembly": [("Chair, London Assembly", "Chair, London Assembly", None)],
    # not understood, so left whole
    "TfL and GLA": [("TfL and GLA", "TfL and GLA", None)],
    "Ada Brook (Chair), Old Oak and Park Royal Development Corporation": [
        (
            "Ada Brook (Chair), Old Oak and Park Royal Development Corporation",
            "Ada Brook (Chair), Old Oak and Park Royal Development Corporation",
            None,
        )
    ],
    "Valerie Shawcross CBE (AM)": [("Valerie Shawcross CBE (AM)", "Valerie Shawcross", None)],
    "": [],
}
