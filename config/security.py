"""The content security policy, set on every answer."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

BASE = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
# The admin's theme (unfold) runs Alpine's standard build, which compiles the expressions in its templates with
# `new Function`, and sets style attributes. Inline scripts stay forbidden, and that is what stops injected markup.
ADMIN = BASE | {"script-src": "'self' 'unsafe-eval'", "style-src": "'self' 'unsafe-inline'"}
# Swagger UI sets style attributes; its script comes from us (SpectacularSwaggerSplitView).
DOCS = BASE | {"style-src": "'self' 'unsafe-inline'"}


def policy_for(path: str) -> str:
    parts = ADMIN if path.startswith("/admin/") else DOCS if path.startswith("/api/docs/") else BASE
    return "; ".join(f"{directive} {sources}" for directive, sources in parts.items())


class ContentSecurityPolicyMiddleware:
    """Adds the policy for the path, unless the view has set a stricter one itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy_for(request.path))
        return response
