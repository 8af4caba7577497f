"""What every operation of the API has in common, for the OpenAPI schema."""

from typing import Any

from drf_spectacular import openapi
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter

from accounts.viewsets import BusinessMixin

PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable, in upper case: VALIDATION_ERROR, ..."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON Pointer, such as /phone"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
X_BUSINESS = OpenApiParameter(
    "X-Business",
    int,
    OpenApiParameter.HEADER,
    description="The business, for users of several; else the only one is meant.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Repeats of a POST with the same key and body are answered, not done, again.",
)
FRESH = OpenApiParameter("fresh", bool, description="Bypasses the cache.")


class AutoSchema(openapi.AutoSchema):
    """Adds the X-Business header, the `fresh` parameter and the problems to each operation."""

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if isinstance(self.view, BusinessMixin):
            parameters.append(X_BUSINESS)
        if self.method == "GET":
            parameters.append(FRESH)
        if hasattr(self._handler(), "idempotent"):
            parameters.append(IDEMPOTENCY_KEY)
        return parameters

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            operation["responses"]["4XX"] = {
                "description": "The request was refused.",
                "content": {"application/problem+json": {"schema": self._problem().ref}},
            }
        return operation

    def _handler(self) -> Any:
        name = getattr(self.view, "action", None) or self.method.lower()
        return getattr(self.view, name, None)

    def _problem(self) -> ResolvedComponent:
        component = ResolvedComponent("Problem", ResolvedComponent.SCHEMA, PROBLEM, "Problem")  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(component)
        return component


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.AccessTokenAuthentication"
    name = "accessToken"

    def get_security_definition(self, auto_schema: openapi.AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
