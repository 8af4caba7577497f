import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.rendering import (
    MAX_TEXT_LENGTH,
    TemplateError,
    Values,
    compile_template,
    validate_template_text,
)

MARIA = Values("Maria", "Papa", {"city": "Athens", "points": 12, "vip": False, "note": None})


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("Hello", "Hello"),
        ("{{first_name}}", "Maria"),
        ("Hi {{ first_name }} {{last_name}}!", "Hi Maria Papa!"),
        ("{{first_name|there}}", "Maria"),
        ("{{attributes.city}}: {{attributes.points}}", "Athens: 12"),
        ("{{attributes.vip}}", "False"),
        ("Hi {{attributes.note|you}}", "Hi you"),
        ("Hi {{attributes.unheard-of | dear friend }}!", "Hi dear friend!"),
        ("Hi {{attributes.note}}!", "Hi !"),
        ("Hi {{attributes.note|}}!", "Hi !"),
        ("a { b } c {first_name}", "a { b } c {first_name}"),
        ("{{first_name}}}", "Maria}"),
        ("100% %s {0}", "100% %s {0}"),
        ("one\r\ntwo\n", "one\ntwo"),
    ],
)
def test_rendering(text: str, rendered: str) -> None:
    validate_template_text(text)
    assert compile_template(text).render(MARIA) == rendered


@pytest.mark.parametrize("blank", [None, "", "  ", "\n\t", "\u00a0"])
def test_a_blank_value_gives_the_default(blank: str | None) -> None:
    template = compile_template("Hi {{first_name|there}}, {{attributes.x|ok}}")
    assert template.render(Values(blank, None, {"x": blank})) == "Hi there, ok"


def test_values_are_never_read_as_template() -> None:
    values = Values("{{last_name}}", "secret", {"x": "{{first_name|%s}}"})
    rendered = compile_template("{{first_name}} {{attributes.x}}").render(values)
    assert rendered == "{{last_name}} {{first_name|%s}}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (" Maria\r\n\tAnna ", "Maria Anna"),
        ("Ma\x00ria", "Ma ria"),
        ("evil\u202etxt", "evil txt"),
        ("broken\ud83d", "broken"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("Jean\u00a0Luc", "Jean\u00a0Luc"),
    ],
)
def test_values_stay_on_one_line_and_can_be_stored(value: str, shown: str) -> None:
    assert compile_template("[{{first_name}}]").render(Values(value)) == f"[{shown}]"


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("", "EMPTY_TEXT", None),
        (" \r\n ", "EMPTY_TEXT", None),
        ("a" * 2000, "TEXT_TOO_LONG", None),
        ("a\x00b", "INVALID_CHARACTER", 2),
        ("a\tb", "INVALID_CHARACTER", 2),
        ("lone \ud83d", "INVALID_CHARACTER", 6),
        ("Hi {{nam}}", "UNKNOWN_PLACEHOLDER", 4),
        ("Hi {{First_Name}}", "UNKNOWN_PLACEHOLDER", 4),
        ("Hi {{attributes.}}", "UNKNOWN_PLACEHOLDER", 4),
        ("Hi {{attributes}}", "UNKNOWN_PLACEHOLDER", 4),
        ("Hi {{attributes.a.b}}", "UNKNOWN_PLACEHOLDER", 4),
        ("Hi {{attributes.__class__.x}}", "UNKNOWN_PLACEHOLDER", 4),
        ("Hi {{", "MALFORMED_PLACEHOLDER", 4),
        ("Hi {{}}", "MALFORMED_PLACEHOLDER", 4),
        ("Hi {{first_name}", "MALFORMED_PLACEHOLDER", 4),
        ("Hi first_name}}", "MALFORMED_PLACEHOLDER", 14),
        ("{{{first_name}}}", "MALFORMED_PLACEHOLDER", 1),
        ("{{a {{first_name}}", "MALFORMED_PLACEHOLDER", 1),
        ("{{first name}}", "MALFORMED_PLACEHOLDER", 1),
        ("{{first_name|a|b}}", "MALFORMED_PLACEHOLDER", 1),
        ("{{first_name|a\nb}}", "MALFORMED_PLACEHOLDER", 1),
    ],
)
def test_faulty_texts_are_refused(text: str, code: str, position: int | None) -> None:
    with pytest.raises(TemplateError) as caught:
        validate_template_text(text)
    assert (caught.value.code, caught.value.position) == (code, position)


def test_the_error_says_what_where_and_what_is_allowed() -> None:
    with pytest.raises(TemplateError, match='"nam" at character 4; allowed: first_name, last'):
        compile_template("Hi {{nam}}")


def test_the_longest_text_is_allowed() -> None:
    validate_template_text("a" * MAX_TEXT_LENGTH)
    validate_template_text("a\r\n" * (MAX_TEXT_LENGTH // 2))


@given(st.text())
def test_any_text_compiles_or_is_refused(text: str) -> None:
    try:
        template = compile_template(text)
    except TemplateError:
        return
    template.render(MARIA)


@given(st.text(), st.text())
def test_any_value_renders_to_one_line(first: str, attribute: str) -> None:
    template = compile_template("{{first_name}}|{{attributes.x}}")
    rendered = template.render(Values(first, None, {"x": attribute}))
    assert not set("\x00\r\n\u2028") & set(rendered)
