"""The finished text of a message: the template filled in, and the way out at its end."""

from dataclasses import dataclass

from messaging import optout, rendering, segments

OPT_OUT_PREFIX = "Stop: "
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


def check_text(text: str) -> None:
    """Raise rendering.TemplateError unless the text may be saved and sent."""
    rendering.validate_template_text(text)


def compose(
    template: rendering.Template, values: rendering.Values, public_id: str, *, is_marketing: bool
) -> str:
    """The text for one phone. A marketing text ends with its own opt-out link: no two are alike."""
    text = template.render(values)
    if not is_marketing:
        return text
    return f"{text}\n{OPT_OUT_PREFIX}{optout.link(public_id)}"


def preview(text: str, values: rendering.Values, *, is_marketing: bool = True) -> Preview:
    """Raises rendering.TemplateError."""
    check_text(text)
    template = rendering.compile_template(text)
    finished = compose(template, values, _SAMPLE_PUBLIC_ID, is_marketing=is_marketing)
    count = segments.count_segments(finished)
    return Preview(
        text=finished,
        encoding=count.encoding,
        characters=count.characters,
        segments=count.segments,
        unicode_characters="".join(count.unicode_characters),
        suggestion=segments.gsm7_suggestion(text),
    )
