"""Settings of the admin's theme (django-unfold): data only, since settings import it. Dotted names are called later."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Tieout",
    "SITE_HEADER": "Tieout",
    "SITE_SYMBOL": "balance",  # one of Material Symbols, whose font comes with unfold: nothing loads from outside
    "SITE_URL": None,
    "SHOW_HISTORY": False,  # Django's own log is not the audit trail; the trail has its page
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "config.navigation.icon"}],
    "STYLES": ["config.navigation.stylesheet"],
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "oklch(97.7% .014 196)",
            "100": "oklch(94.8% .03 196)",
            "200": "oklch(90% .055 195)",
            "300": "oklch(83% .085 194)",
            "400": "oklch(73% .105 193)",
            "500": "oklch(62% .105 195)",
            "600": "oklch(51% .09 198)",
            "700": "oklch(44% .075 200)",
            "800": "oklch(38% .06 202)",
            "900": "oklch(33% .05 204)",
            "950": "oklch(25% .04 206)",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "command_search": False,
        "show_all_applications": False,
        "navigation": "config.navigation.sidebar",
    },
    "ACCOUNT": {"navigation": "config.navigation.account"},
}
