"""What CDS Hooks 2.0 requests and answers look like."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict

_CAMEL = ConfigDict(extra="ignore", alias_generator=to_camel)
Filled = Annotated[str, StringConstraints(min_length=1)]


class HookContext(BaseModel):
    """The context of ``patient-view`` and ``order-select``; more members are allowed and not read."""

    model_config = _CAMEL
    patient_id: Filled
    user_id: Filled
    encounter_id: str | None = None
    selections: list[str] | None = None
    draft_orders: dict[str, Any] | None = None


class HookRequest(BaseModel):
    """A call of a service; ``fhirServer`` and ``fhirAuthorization`` are neither read nor kept."""

    model_config = _CAMEL
    hook: Filled
    hook_instance: Filled
    context: HookContext
    prefetch: dict[str, dict[str, Any] | None] | None = None
    extension: dict[str, Any] | None = None


class CodingIn(BaseModel):
    """A code as a client sends it."""

    code: Filled
    system: str | None = None


class OverrideReasonIn(BaseModel):
    """Why a card was set aside; the comment is not kept."""

    reason: CodingIn | None = None


class FeedbackItem(BaseModel):
    """What became of one card."""

    model_config = _CAMEL
    card: Filled
    outcome: Literal["accepted", "overridden"]
    override_reason: OverrideReasonIn | None = None
    outcome_timestamp: Filled


class FeedbackRequest(BaseModel):
    """What became of some cards."""

    feedback: Annotated[list[FeedbackItem], Field(min_length=1)]


class CodingJson(TypedDict):
    """A code with its system and its words."""

    system: str
    code: str
    display: str


class SourceJson(TypedDict):
    """Where a card comes from."""

    label: str
    url: str
    topic: NotRequired[CodingJson]


class LinkJson(TypedDict):
    """A link to more."""

    label: str
    url: str
    type: Literal["absolute"]


class SuggestionJson(TypedDict):
    """Something for a person to do; it has no actions, for nothing is invented."""

    label: str
    uuid: str


class CardJson(TypedDict):
    """A card."""

    uuid: str
    summary: str
    detail: str
    indicator: Literal["info", "warning", "critical"]
    source: SourceJson
    links: list[LinkJson]
    overrideReasons: list[CodingJson]
    suggestions: NotRequired[list[SuggestionJson]]
    selectionBehavior: NotRequired[Literal["any"]]


class CardsJson(TypedDict):
    """The answer of a service."""

    cards: list[CardJson]


class ServiceJson(TypedDict):
    """A service, as discovery tells it."""

    hook: str
    id: str
    title: str
    description: str
    prefetch: dict[str, str]


class ServicesJson(TypedDict):
    """The answer of discovery."""

    services: list[ServiceJson]
