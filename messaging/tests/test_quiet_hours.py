"""Quiet hours: the country's by a table, the business's own before them; they defer, never fail."""

from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import make_business, make_user
from messaging import services
from messaging.calendar import easter_sunday
from messaging.models import Broadcast, QuietHours
from messaging.services.claim_statements import QUIET
from messaging.tests.factories import ScriptedGateway, accept_all, make_expanded, statuses

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _table(db: None) -> None:
    """As a new installation has it: a test with real transactions leaves no table behind."""
    QuietHours.objects.all().delete()
    import_module("messaging.migrations.0004_pace").fill(apps, None)


def is_quiet(broadcast: Broadcast, local: datetime) -> bool:
    """What the claim would find at this local time of the business."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {QUIET} FROM messaging_broadcast broadcast"  # noqa: S608
            " JOIN accounts_business business ON business.id = broadcast.business_id"
            " CROSS JOIN (SELECT %(local)s::timestamp::time AS clock,"
            " %(local)s::timestamp::date AS today) here WHERE broadcast.id = %(broadcast)s",
            {
                "local": local,
                "broadcast": broadcast.pk,
                "easter": easter_sunday(local.year),
            },
        )
        return bool(cursor.fetchone()[0])


def quiet_at(broadcast: Broadcast, instants: list[datetime]) -> list[bool]:
    """What claims would find at these instants, by the clock that the claim reads."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {QUIET} FROM messaging_broadcast broadcast"  # noqa: S608
            " JOIN accounts_business business ON business.id = broadcast.business_id"
            " CROSS JOIN unnest(%(instants)s) WITH ORDINALITY AS instant(at, number)"
            " CROSS JOIN LATERAL (SELECT local::time AS clock, local::date AS today"
            " FROM (SELECT at AT TIME ZONE business.time_zone AS local) there) here"
            " WHERE broadcast.id = %(broadcast)s ORDER BY instant.number",
            {
                "instants": instants,
                "broadcast": broadcast.pk,
                "easter": easter_sunday(instants[0].year),
            },
        )
        return [bool(row[0]) for row in cursor.fetchall()]


@pytest.mark.parametrize(
    ("country", "local", "quiet"),
    [
        ("GR", "2027-05-02 23:30", False),  # without a row: none
        ("US", "2027-05-04 07:59", True),
        ("US", "2027-05-04 08:00", False),
        ("US", "2027-05-04 20:59", False),
        ("US", "2027-05-04 21:00", True),
        ("US", "2027-05-02 12:00", False),  # a Sunday
        ("GB", "2027-05-04 21:30", True),
        ("DE", "2027-05-04 21:30", True),
        ("NL", "2027-05-04 21:30", True),
        ("IE", "2027-05-04 21:30", True),
        ("IT", "2027-05-04 21:30", False),
        ("IT", "2027-05-04 22:00", True),
        ("IT", "2027-05-02 12:00", True),  # a Sunday
        ("IT", "2026-12-25 12:00", False),  # a Friday: only Sundays are in its rows
        ("FR", "2027-05-04 12:00", False),
        ("FR", "2027-05-04 00:30", True),
        ("FR", "2027-05-02 00:00", True),  # a Sunday
        ("FR", "2027-05-02 23:59", True),
        ("FR", "2027-07-14 12:00", True),
        ("FR", "2026-12-25 12:00", True),
        ("FR", "2027-03-29 12:00", True),  # Easter Monday
        ("FR", "2027-05-06 12:00", True),  # Ascension
        ("FR", "2027-05-17 12:00", True),  # Whit Monday
        ("FR", "2028-05-17 12:00", False),  # which it was the year before
        ("FR", "2028-06-05 12:00", True),
    ],
)
def test_each_country_has_its_hours(country: str, local: str, quiet: bool) -> None:
    broadcast = make_expanded(contacts=0, business=make_business(country=country))
    assert is_quiet(broadcast, datetime.fromisoformat(local)) is quiet


NIGHT = {"starts": "21:00", "ends": "08:00"}


@pytest.mark.parametrize(
    ("days", "begins"),
    [
        ({"month_day": "12-24"}, "2026-12-24"),
        ({"month_day": "12-31"}, "2026-12-31"),  # and ends in another year
        ({"month_day": "02-28"}, "2028-02-28"),  # a leap year's
        ({"days_after_easter": -1}, "2027-03-27"),
        ({"days_after_easter": 0}, "2027-03-28"),  # Greece puts its clocks forward that night
        ({"weekday": 6}, "2027-05-01"),
    ],
)
def test_a_night_lasts_until_the_next_morning(days: dict[str, Any], begins: str) -> None:
    broadcast = make_expanded(contacts=0, business=make_business(country="XX"))
    QuietHours.objects.create(country="XX", source="x", **NIGHT, **days)
    evening, hour = datetime.fromisoformat(begins), timedelta(hours=1)
    expected = [False] * 21 + [True] * 11 + [False] * 17  # until 1 h of the day after next
    found = [is_quiet(broadcast, evening + number * hour) for number in range(len(expected))]
    assert found == expected


@pytest.mark.parametrize(
    "hours", [NIGHT, {"starts": "09:00", "ends": "17:00"}], ids=["night", "day"]
)
@pytest.mark.parametrize("weekday", range(1, 8))
@pytest.mark.parametrize(
    ("zone", "changes_on"),
    [
        ("Europe/Athens", date(2027, 3, 28)),  # three o'clock is four
        ("Europe/Athens", date(2027, 10, 31)),  # three o'clock comes twice
        ("Africa/Cairo", date(2027, 4, 30)),  # there is no midnight
        ("Africa/Cairo", date(2027, 10, 29)),  # midnight is 23 h again, of the day before
    ],
)
def test_hours_of_a_weekday_hold_by_the_clock_on_the_wall(
    zone: str, changes_on: date, weekday: int, hours: dict[str, str]
) -> None:
    """Each half hour of the three weeks around a change of the clocks."""
    broadcast = make_expanded(contacts=0, business=make_business(country="XX", time_zone=zone))
    QuietHours.objects.create(country="XX", source="x", weekday=weekday, **hours)
    starts, ends = map(time.fromisoformat, hours.values())
    first = datetime.combine(changes_on, time.min, UTC) - timedelta(days=10)
    instants = [first + number * timedelta(minutes=30) for number in range(48 * 21)]

    def within(wall: datetime) -> bool:
        """Between both times of a day of this name, the second of which may be the next day's."""
        for day in (wall.date() - timedelta(days=1), wall.date()):
            end_day = day + timedelta(days=1) if ends < starts else day
            began = datetime.combine(day, starts) <= wall < datetime.combine(end_day, ends)
            if began and day.isoweekday() == weekday:
                return True
        return False

    local = [each.astimezone(ZoneInfo(zone)) for each in instants]
    assert len({each.utcoffset() for each in local}) == 2
    expected = [within(each.replace(tzinfo=None)) for each in local]
    assert quiet_at(broadcast, instants) == expected


@pytest.mark.parametrize(("hour", "quiet"), [(12, False), (23, True)])
def test_a_business_s_own_hours_take_the_place_of_its_country_s(hour: int, quiet: bool) -> None:
    business = make_business(country="FR", quiet_from="23:00", quiet_until="23:30")
    broadcast = make_expanded(contacts=0, business=business)
    assert is_quiet(broadcast, datetime(2027, 5, 2, hour, tzinfo=UTC)) is quiet


def test_what_somebody_has_asked_for_does_not_wait_for_the_country_s_hours() -> None:
    broadcast = make_expanded(contacts=0, business=make_business(country="FR"))
    Broadcast.objects.update(is_marketing=False)
    assert not is_quiet(broadcast, datetime(2027, 5, 2, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("year", "easter"),
    [
        (2024, date(2024, 3, 31)),
        (2026, date(2026, 4, 5)),
        (2035, date(2035, 3, 25)),
        (2038, date(2038, 4, 25)),
        (2049, date(2049, 4, 18)),
        (2076, date(2076, 4, 19)),
    ],
)
def test_easter(year: int, easter: date) -> None:
    assert easter_sunday(year) == easter


def hours_around_now(country: str) -> None:
    now = timezone.now()
    QuietHours.objects.filter(country=country).delete()
    QuietHours.objects.create(
        country=country,
        starts=(now - timedelta(hours=1)).time(),
        ends=(now + timedelta(hours=1)).time(),
        source="this test",
    )


def send_all() -> None:
    while services.send_next_batch(ScriptedGateway(accept_all)):
        pass


@pytest.mark.django_db(transaction=True)
def test_a_message_held_by_the_country_s_hours_goes_out_after_them() -> None:
    hours_around_now("DE")
    broadcast = make_expanded(contacts=1, business=make_business(country="DE", time_zone="UTC"))
    elsewhere = make_expanded(contacts=1, business=make_business(time_zone="UTC"))

    send_all()
    assert statuses(broadcast) == {"queued": 1}
    assert statuses(elsewhere) == {"sent": 1}
    QuietHours.objects.filter(country="DE").delete()
    send_all()

    assert statuses(broadcast) == {"sent": 1}


@pytest.mark.django_db(transaction=True)
def test_the_hours_are_those_of_the_business_s_clock() -> None:
    hours_around_now("DE")
    business = make_business(country="DE", time_zone="Asia/Tokyo")
    broadcast = make_expanded(contacts=1, business=business)

    send_all()

    assert statuses(broadcast) == {"sent": 1}


@pytest.mark.django_db(transaction=True)
def test_an_offer_that_ends_in_quiet_hours_expires() -> None:
    hours_around_now("DE")
    broadcast = make_expanded(contacts=1, business=make_business(country="DE", time_zone="UTC"))
    send_all()

    Broadcast.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    services.sweep_messaging()
    Business.objects.update(country="GR")
    send_all()

    assert statuses(broadcast) == {"expired": 1}


@pytest.mark.parametrize(
    "days",
    [
        {"weekday": 8},
        {"weekday": 1, "month_day": "12-25"},
        {"month_day": "12-25", "days_after_easter": 1},
        {"weekday": 1, "days_after_easter": 1},
    ],
)
def test_a_row_holds_on_one_kind_of_day(days: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        QuietHours.objects.create(country="XX", starts="20:00", ends="08:00", source="x", **days)


def test_superusers_change_the_table_and_nobody_else(client: Client) -> None:
    address = reverse("admin:messaging_quiethours_changelist")
    client.force_login(make_user(is_staff=True, is_superuser=True))
    assert "47 CFR 64.1200" in client.get(address).content.decode()
    row = {"country": "GR", "starts": "22:00", "ends": "08:00", "source": "A new law"}
    client.post(reverse("admin:messaging_quiethours_add"), row)
    assert QuietHours.objects.get(country="GR").source == "A new law"
    client.force_login(make_user(is_staff=True))
    assert client.get(address).status_code == 403
