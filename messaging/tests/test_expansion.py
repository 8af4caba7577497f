"""An audience becomes messages: each is its contact's own."""

import pytest
from pytest_django import Settings

from accounts.tests.factories import make_business
from contacts.models import Contact
from messaging import optout
from messaging.models import Batch, Message
from messaging.segments import count_segments
from messaging.tests.factories import expand_all, make_broadcast, make_contacts

pytestmark = pytest.mark.django_db

LONG = " and more" * 15


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("{{first_name}} {{last_name}}, hello", "Name{0} Last{0}, hello"),
        ("{{attributes.city|nowhere}}: {{first_name}}", "City{0}: Name{0}"),
        ("{{last_name}}" + LONG, "Last{0}" + LONG),
        ("Hello\\N {{first_name}}", "Hello\\N Name{0}"),
    ],
)
def test_each_message_is_its_contact_s_own(text: str, starts: str, settings: Settings) -> None:
    settings.SEND_BATCH_SIZE, settings.EXPANSION_CHUNK_SIZE = 2, 5
    business = make_business()
    contacts = make_contacts(business, 8)
    for number, contact in enumerate(contacts):
        contact.first_name = ["Name0", "Νίκος", "€"][number] if number < 3 else f"Name{number}"
        contact.last_name, contact.attributes = f"Last{number}", {"city": f"City{number}"}
    Contact.objects.bulk_update(contacts, ["first_name", "last_name", "attributes"])
    broadcast = make_broadcast(business=business, contacts=0, text=text)
    expand_all(broadcast)

    messages = list(Message.objects.order_by("contact_id"))
    assert [message.contact_id for message in messages] == [contact.pk for contact in contacts]
    for number, (message, contact) in enumerate(zip(messages, contacts, strict=True)):
        expected = starts.format(number).replace(f"Name{number}", contact.first_name)
        shown, _, link = message.text.partition("\nStop: ")
        assert (message.phone, shown) == (contact.phone, expected)
        assert optout.read_token(link.rpartition("/")[2]) == message.public_id
        assert message.segments == count_segments(message.text).segments
        within = {"first_message_id__lte": message.pk, "last_message_id__gte": message.pk}
        assert Batch.objects.get(**within).pk == message.batch_id
