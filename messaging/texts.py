"""The finished text of a message: the template filled in, and the way out at its end."""

from dataclasses import dataclass

from django.conf import settings

from messaging import optout, rendering, segments

OPT_OUT_PREFIX = "Stop: "
# Said beside a text that people write.
PLACEHOLDERS = (
    "It may say {{first_name}}, {{last_name}} and {{attributes.city}} or any other free field; "
    "{{first_name|there}} says “there” to whoever gave no name."
)
_SAMPLE_PUBLIC_ID = "0" * 12


@dataclass(frozen=True, slots=True)
class Preview:
    """A text as it would go out, and what it costs."""

    text: str
    encoding: str
    characters: int
    segments: int
    unicode_characters: str
    suggestion: str | None


def check_text(text: str, *, has_offer: bool = True) -> None:
    """Raise rendering.TemplateError unless the text may be saved and sent.

    has_offer: whether there is an offer that {{offer_link}} may lead to.
    """
    rendering.validate_template_text(text, has_offer=has_offer)
    if not has_offer and rendering.compile_template(text).leads_to_offer:
        raise rendering.TemplateError(
            "NO_OFFER", "{{offer_link}} leads nowhere: there is no offer with this text."
        )


def compose(template: rendering.Template, values: rendering.Values, *, is_marketing: bool) -> str:
    """The text for one phone. A marketing text ends with its own opt-out link: no two are alike."""
    return compose_all(template, rendering.Columns.of(values), is_marketing=is_marketing)[0]


def compose_all(
    template: rendering.Template, columns: rendering.Columns, *, is_marketing: bool
) -> list[str]:
    """The same for many phones."""
    rendered = template.render_all(columns)
    if not is_marketing:
        return rendered
    links = optout.links(columns.public_ids, columns.link_base)
    return [f"{text}\n{OPT_OUT_PREFIX}{link}" for text, link in zip(rendered, links, strict=True)]


def preview(
    text: str,
    values: rendering.Values,
    *,
    is_marketing: bool = True,
    link_base: str = "",
    prepared: str = "",
) -> Preview:
    """Raises rendering.TemplateError.

    link_base: the business's; empty for the site's. prepared: the text with the links that
    tracking will have put into it, if it will.
    """
    check_text(text)
    template = rendering.compile_template(prepared or text)
    # Samples of the length that the links of every message have.
    sample = values._replace(
        public_id=_SAMPLE_PUBLIC_ID, link_base=link_base or settings.PUBLIC_BASE_URL
    )
    finished = compose(template, sample, is_marketing=is_marketing)
    count = segments.count_segments(finished)
    return Preview(
        text=finished,
        encoding=count.encoding,
        characters=count.characters,
        segments=count.segments,
        unicode_characters="".join(count.unicode_characters),
        suggestion=segments.gsm7_suggestion(text),
    )
