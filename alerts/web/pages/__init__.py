"""The HTML pages, one class for each group of routes.

Owns what a page shows and what its forms do. It must not know the JSON API or the feeds, and never
writes SQL.
"""

from alerts.web.pages.alerts import AlertsPages
from alerts.web.pages.archive import ArchivePages
from alerts.web.pages.email_links import EmailLinkPages
from alerts.web.pages.home import HomePage
from alerts.web.pages.information import InformationPages
from alerts.web.pages.manage_link import ManageLinkPage
from alerts.web.pages.metrics import MetricsPage
from alerts.web.pages.operator import OperatorPages
from alerts.web.pages.probes import ProbePages
from alerts.web.pages.results import ResultsPage
from alerts.web.pages.self_check import SelfCheckPage
from alerts.web.pages.sign_up import SignUpPage
from alerts.web.pages.sign_up_links import SignUpLinkPages
from alerts.web.pages.sitemap import SiteMap
from alerts.web.pages.status import StatusPage
from alerts.web.pages.suggestions import SuggestionsPage

__all__ = [
    "AlertsPages",
    "ArchivePages",
    "EmailLinkPages",
    "HomePage",
    "InformationPages",
    "ManageLinkPage",
    "MetricsPage",
    "OperatorPages",
    "ProbePages",
    "ResultsPage",
    "SelfCheckPage",
    "SignUpLinkPages",
    "SignUpPage",
    "SiteMap",
    "StatusPage",
    "SuggestionsPage",
]
