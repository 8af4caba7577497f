"""Any order of writes, readers that pause, evictions and outages: cached answers are true.

Each run has a business of its own. What is asked with `fresh=1` comes from the database; what is
asked without it must say the same. After a lost invalidation it must do so within the bounds of
docs/redis.md: the TTL of short-lived values, one replay for the others.

Many runs: python3 run.py test -m soak campaigns/tests/test_cache_property.py
"""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.conf import settings
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from accounts.services.businesses import approve_sending
from accounts.tests.factories import api_client, make_business, make_member
from campaigns import services as campaigns
from campaigns.models import Campaign, Template
from campaigns.selectors import broadcasts_of
from campaigns.tests.factories import (
    expand,
    make_automation,
    make_campaign,
    make_due,
    make_sending,
    make_template,
)
from campaigns.tests.readers import PausedReader, redis_away
from contacts.services import delete_contact, unsubscribe
from contacts.tests.factories import finish, make_contacts, make_import, sign_up
from messaging import services as messaging
from messaging.gateways.base import FailureReason, OutgoingSms, SendResult
from messaging.models import GatewayReference, Message
from messaging.tests.factories import ScriptedGateway
from rediskit import versioned_cache
from rediskit.connection import client as redis
from rediskit.models import Invalidation
from rediskit.tasks import replay_invalidations
from tracking import services as tracking
from tracking.models import Redemption

CAMPAIGNS: Final = "/api/v1/campaigns/"
TEMPLATES: Final = "/api/v1/templates/"
BUSINESS: Final = "/api/v1/business/"
SHORT_LIVED: Final = {
    "campaigns:list": 20,
    "stats:campaign": 30,
    "stats:automation": 30,
    "cache:dashboard": 30,
}
WRITES: Final = [
    "campaign", "template", "business", "launch", "send", "report", "engage", "sign up", "contact",
]  # fmt: skip
MOVES: Final = ["send", "unschedule", "pause", "resume", "cancel", "duplicate"]
AUTOMATIONS: Final = "/api/v1/automations/"
DASHBOARD: Final = "/api/v1/dashboard/"
READS: Final = 9
DAY: Final = "2026-07-09"  # at 21:30 UTC it is the next day in Athens already

some = st.integers(0, 3)
read = st.integers(0, READS - 1)
names = st.sampled_from(["Spring", "Summer", "Autumn", "Winter"])


class CachedAnswers(RuleBasedStateMachine):
    runs = 0

    @initialize()
    def begin(self) -> None:
        type(self).runs += 1
        self.business = make_business()
        self.user = make_member(self.business, is_staff=True, is_superuser=True)
        self.api = api_client(self.user)
        make_contacts(self.business, 2)
        make_template(self.business, "First")
        self.system_template, _ = Template.objects.get_or_create(
            business=None, name="For all", defaults={"text": "Hi!"}
        )
        self.first = make_campaign(self.business, created_at=f"{DAY}T21:30:00Z")
        make_due(self.business, contacts=0)
        make_sending(
            self.business,
            contacts=0,
            text="Look: {{offer_link}} https://shop.example/",
            offer_title="20 % off",
        )
        self.automation = make_automation(self.business)
        self.paused: list[PausedReader] = []
        for url in self.urls:
            assert self.api.get(url).status_code == 200

    def teardown(self) -> None:
        if not hasattr(self, "paused"):
            return
        self.readers_go_on()
        self.read_all()
        self.end_all()

    # -- Readers -------------------------------------------------------------------------

    @property
    def urls(self) -> list[str]:
        newest = self.campaign(0).pk
        return [
            CAMPAIGNS,
            f"{CAMPAIGNS}?with_stats=1&ordering=name",
            f"{CAMPAIGNS}?date_from={DAY}&date_to={DAY}&status=draft&status=sending",
            f"{CAMPAIGNS}{newest}/stats/",
            f"{CAMPAIGNS}stats/?ids={newest},{self.first.pk}",
            TEMPLATES,
            BUSINESS,
            f"{AUTOMATIONS}{self.automation.pk}/stats/",
            DASHBOARD,
        ]

    @rule(number=read)
    def read_one(self, number: int) -> None:
        self.compare(self.urls[number])

    @rule()
    def read_all(self) -> None:
        for url in self.urls:
            self.compare(url)

    @rule(number=read, query=st.integers(1, 7))
    def reader_pauses(self, number: int, query: int) -> None:
        if len(self.paused) < 3:
            self.paused.append(PausedReader(self.user, self.urls[number], query))

    @rule()
    def readers_go_on(self) -> None:
        for url in self.resume():
            self.compare(url)

    @rule(
        number=read,
        query=st.integers(1, 7),
        write=st.sampled_from(WRITES),
        which=some,
        name=names,
        is_read_meanwhile=st.booleans(),
    )
    def a_write_overtakes_a_reader(
        self, number: int, query: int, write: str, which: int, name: str, *, is_read_meanwhile: bool
    ) -> None:
        """The narrowest way to a stale value, which few orders of single steps would take."""
        redis().flushdb()
        reader = PausedReader(self.user, self.urls[number], query)
        self.write(write, which, name)
        if is_read_meanwhile:
            self.compare(reader.url)
        reader.go_on()
        self.compare(reader.url)

    def compare(self, url: str) -> None:
        cached, fresh = (
            self.api.get(url),
            self.api.get(f"{url}{'&' if '?' in url else '?'}fresh=1"),
        )
        assert content(cached) == content(fresh), f"{url} ({cached.get('X-Cache')})"
        assert cached.status_code == fresh.status_code
        assert (fresh.status_code, fresh.get("X-Cache")) in {(200, "bypass"), (404, None)}

    # -- Writers -------------------------------------------------------------------------

    @rule(name=names)
    def api_creates(self, name: str) -> None:
        self.written(self.api.post(CAMPAIGNS, {"name": name, "text": "Hi!"}))

    @rule(which=some, name=names)
    def api_renames(self, which: int, name: str) -> None:
        self.written(self.api.patch(self.url(which), {"name": name}))

    @rule(which=some, move=st.sampled_from(MOVES))
    def api_moves(self, which: int, move: str) -> None:
        self.written(self.api.post(f"{self.url(which)}{move}/", {}))

    @rule(which=some)
    def api_schedules(self, which: int) -> None:
        moment = {"scheduled_at": "2028-01-01T10:00:00Z"}
        self.written(self.api.post(f"{self.url(which)}schedule/", moment))

    @rule(which=some)
    def api_deletes(self, which: int) -> None:
        if self.campaign(which) != self.first:
            self.written(self.api.delete(self.url(which)))

    @rule(which=some, action=st.sampled_from(["send_now", "pause", "resume", "cancel"]))
    def admin_acts(self, which: int, action: str) -> None:
        body = {"action": action, "_selected_action": [self.campaign(which).pk]}
        url = reverse("admin:campaigns_campaign_changelist")
        self.written(self.browser().post(url, body | {"confirmed": "yes"}))

    @rule(which=some, name=names)
    def admin_renames(self, which: int, name: str) -> None:
        campaign = self.campaign(which)
        url = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
        self.written(self.browser().post(url, {"name": name, "text": "Hi!"}))

    @rule(name=names, text=names)
    def api_writes_template(self, name: str, text: str) -> None:
        known = Template.objects.filter(business=self.business, name=name).first()
        if known:
            self.written(self.api.patch(f"{TEMPLATES}{known.pk}/", {"text": text}))
        else:
            self.written(self.api.post(TEMPLATES, {"name": name, "text": text}))

    @rule(name=names)
    def shell_deletes_template(self, name: str) -> None:
        Template.objects.filter(business=self.business, name=name).delete()

    @rule(name=names)
    def superuser_renames_system_template(self, name: str) -> None:
        url = reverse("admin:campaigns_template_change", args=[self.system_template.pk])
        self.written(self.browser().post(url, {"name": "For all", "text": name}))

    @rule(name=names, zone=st.sampled_from(["UTC", "Europe/Athens", "Pacific/Auckland"]))
    def api_changes_business(self, name: str, zone: str) -> None:
        self.written(self.api.patch(BUSINESS, {"name": name, "time_zone": zone}))

    @rule()
    def staff_approve(self) -> None:
        self.business.daily_message_cap = 0
        self.business.save(update_fields=["daily_message_cap"])
        approve_sending(business_ids=[self.business.pk])

    def write(self, what: str, which: int, name: str) -> None:
        writes: dict[str, Callable[[], None]] = {
            "campaign": lambda: self.api_renames(which, f"{name} {which}"),
            "template": lambda: self.api_writes_template(name, f"{name} {which}"),
            "business": lambda: self.api_changes_business(f"{name} {which}", "UTC"),
            "launch": self.launch,
            "send": lambda: self.send("accepted"),
            "report": lambda: self.report("Delivered"),
            "engage": lambda: self.somebody_follows_a_link(which),
            "sign up": lambda: self.somebody_signs_up(100 + which),
            "contact": lambda: self.staff_delete_a_contact(which),
        }
        writes[what]()

    # -- Contacts and automations --------------------------------------------------------

    @rule(number=st.integers(1, 9))
    def somebody_signs_up(self, number: int) -> None:
        sign_up(self.business, f"+306970000{number:03d}")

    @rule(number=st.integers(1, 9))
    def staff_import_contacts(self, number: int) -> None:
        finish(make_import(f"phone\n+306980000{number:03d}\n", business=self.business))

    @rule(which=some)
    def staff_delete_a_contact(self, which: int) -> None:
        for contact in self.business.contacts.order_by("-pk")[which : which + 1]:
            delete_contact(contact=contact)

    @rule(which=some)
    def staff_unsubscribe_a_contact(self, which: int) -> None:
        for contact in self.business.contacts.order_by("-pk")[which : which + 1]:
            unsubscribe(business_id=self.business.pk, phone=contact.phone, source="admin")

    @rule(is_active=st.booleans())
    def api_switches_the_automation(self, is_active: bool) -> None:
        url = f"{AUTOMATIONS}{self.automation.pk}/"
        self.written(self.api.patch(url, {"is_active": is_active}))

    # -- What people do ------------------------------------------------------------------

    @rule(which=some)
    def somebody_looks_at_an_offer(self, which: int) -> None:
        for message in self.messages_with_offers(which):
            tracking.record_view(message=message)

    @rule(which=some)
    def somebody_follows_a_link(self, which: int) -> None:
        for message in self.messages_with_offers(which):
            link = message.broadcast.short_links.get()
            tracking.record_click(message=message, link=link)

    @rule(which=some, is_undo=st.booleans())
    def the_till_redeems(self, which: int, *, is_undo: bool) -> None:
        who: Any = {"business_id": self.business.pk, "user": self.user}
        for message in self.messages_with_offers(which):
            if is_undo:
                tracking.undo_redemption(code=message.public_id, **who)
            else:
                evidence = tracking.Evidence(channel=Redemption.Channel.API)
                tracking.redeem(code=message.public_id, evidence=evidence, **who)

    @rule(which=some, is_undo=st.booleans())
    def somebody_opts_out_by_link(self, which: int, *, is_undo: bool) -> None:
        act = tracking.undo_opt_out if is_undo else tracking.opt_out
        for message in self.messages(which):
            act(message=message)

    def messages(self, which: int, **conditions: Any) -> QuerySet[Message]:
        known = Message.objects.filter(business=self.business, **conditions)
        return known.select_related("broadcast__business").order_by("pk")[which : which + 1]

    def messages_with_offers(self, which: int) -> QuerySet[Message]:
        return self.messages(which, broadcast__offer__isnull=False)

    # -- The engine ----------------------------------------------------------------------

    @rule()
    def launch(self) -> None:
        for broadcast in campaigns.launch_due():
            expand(broadcast)

    @rule(answer=st.sampled_from(["accepted", "refused", "unknown"]))
    def send(self, answer: str) -> None:
        def reply(messages: Any) -> list[SendResult]:
            return [result(message, answer) for message in messages]

        messaging.send_next_batch(ScriptedGateway(reply))

    @rule(status=st.sampled_from(["Delivered", "Failed"]))
    def report(self, status: str) -> None:
        for reference in GatewayReference.objects.order_by("-pk")[:1]:
            report = {"messageId": reference.gateway_message_id, "deliveryStatus": status}
            answer = Client().post(
                "/webhooks/mitto/delivery/",
                json.dumps(report | {"updatedAt": "2026-11-22T10:00:00Z"}),
                content_type="application/json",
                headers={"X-Webhook-Secret": settings.MITTO_WEBHOOK_SECRET},
            )
            assert answer.status_code == 202
        messaging.apply_stored_events()

    @rule()
    def sweep(self) -> None:
        messaging.sweep_messaging()
        campaigns.reconcile()

    # -- Faults --------------------------------------------------------------------------

    @rule(which=st.integers(0, 100))
    def one_key_is_evicted(self, which: int) -> None:
        if keys := sorted(redis().scan_iter("*", count=1000)):
            redis().delete(keys[which % len(keys)])

    @rule()
    def redis_is_flushed(self) -> None:
        redis().flushdb()

    @rule(resource=st.sampled_from(["campaigns", "stats", "contacts", "templates", "business"]))
    def a_delete_comes_twice(self, resource: str) -> None:
        versioned_cache.invalidate(f"gen:{resource}:{self.business.pk}")

    @rule(which=some, name=names)
    def invalidations_are_lost(self, which: int, name: str) -> None:
        """Within the bounds that are promised, nobody sees what was before."""
        with redis_away():
            self.api_renames(which, name)
            self.api_writes_template("Lost", name)
            self.api_changes_business(name, "UTC")
            self.somebody_signs_up(200 + which)
            self.read_one(0)
        self.resume()
        replay_invalidations()
        assert not Invalidation.objects.exists()
        self.compare(TEMPLATES)
        self.compare(BUSINESS)
        for prefix, seconds in SHORT_LIVED.items():
            for key in redis().scan_iter(f"{prefix}:v1:{self.business.pk}:*", count=1000):
                assert 0 < redis().pttl(key) <= seconds * 1000
                redis().delete(key)  # its time has run out
        self.read_all()

    # -- Helpers -------------------------------------------------------------------------

    def resume(self) -> list[str]:
        """Let the paused readers store what they have computed."""
        readers, self.paused = self.paused, []
        for reader in readers:
            reader.go_on()
        return [reader.url for reader in readers]

    def campaign(self, which: int) -> Campaign:
        known = list(Campaign.objects.filter(business=self.business).order_by("-pk"))
        return known[which % len(known)]

    def url(self, which: int) -> str:
        return f"{CAMPAIGNS}{self.campaign(which).pk}/"

    def browser(self) -> Client:
        browser = Client()
        browser.force_login(self.user)
        return browser

    def written(self, answer: Any) -> None:
        """Refusals are answers, too."""
        assert answer.status_code < 500, answer.content

    def end_all(self) -> None:
        """Leave nothing that the engine of later runs would work on."""
        for campaign in Campaign.objects.filter(business=self.business):
            if campaign.status in {"scheduled", "sending", "paused"}:
                campaigns.cancel_campaign(campaign=campaign)
            for broadcast in broadcasts_of(campaign):
                messaging.settle_batches(broadcast_id=broadcast)
        for run in self.automation.runs.all():
            messaging.cancel_broadcast(broadcast_id=run.broadcast_id)
            messaging.settle_batches(broadcast_id=run.broadcast_id)


def content(answer: Any) -> Any:
    """Without the links, which repeat what was asked."""
    body = answer.json()
    return {name: body[name] for name in body if name not in {"next", "previous"}}


def result(message: OutgoingSms, answer: str) -> SendResult:
    if answer == "accepted":
        return SendResult.accepted(f"id-{message.reference}")
    if answer == "refused":
        return SendResult.refused(FailureReason.INVALID_NUMBER)
    return SendResult.uncertain(FailureReason.TIMEOUT)


def run(monkeypatch: pytest.MonkeyPatch, *, examples: int, derandomize: bool = True) -> int:
    # Readers that wait for a paused one would wait in vain.
    monkeypatch.setattr(versioned_cache, "WAIT_SECONDS", 0.0)
    CachedAnswers.runs = 0
    run_state_machine_as_test(
        CachedAnswers,
        settings=hypothesis_settings(
            max_examples=examples,
            stateful_step_count=20,
            derandomize=derandomize,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
    return CachedAnswers.runs


@pytest.mark.django_db(transaction=True)
def test_cached_answers_are_true(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, examples=8) >= 8


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_cached_answers_are_true_in_thousands_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, examples=2000, derandomize=False) >= 2000
