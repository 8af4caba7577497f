"""A business's own templates."""

from django.db import IntegrityError, transaction

from accounts.models import Business
from accounts.problems import Problem
from campaigns.models import Template


class SystemTemplate(Problem):
    status = 403
    code = "SYSTEM_TEMPLATE"
    title = "This template is the system's: copy its text into a template of your own"


class TemplateExists(Problem):
    status = 409
    code = "TEMPLATE_EXISTS"
    title = "You have a template of this name already"


class TemplateInUse(Problem):
    status = 409
    code = "TEMPLATE_IN_USE"
    title = "Campaigns use this template"


def create_template(*, business: Business, name: str, text: str) -> Template:
    return _save(Template(business=business, name=name, text=text))


def update_template(
    *, template: Template, name: str | None = None, text: str | None = None
) -> Template:
    """Campaigns that have not been launched yet will send the new text."""
    _refuse_system(template)
    template.name = template.name if name is None else name
    template.text = template.text if text is None else text
    return _save(template)


def delete_template(*, template: Template) -> None:
    _refuse_system(template)
    try:
        # Around the whole transaction: a campaign created meanwhile shows at the commit only.
        with transaction.atomic():
            template.delete()
    except IntegrityError as error:
        raise TemplateInUse from error


def _save(template: Template) -> Template:
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError as error:
        raise TemplateExists(f"You have a template named “{template.name}” already.") from error
    return template


def _refuse_system(template: Template) -> None:
    if template.business_id is None:
        raise SystemTemplate
