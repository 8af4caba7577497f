"""A gateway to develop, demonstrate and test against: Mitto's Messaging API over real HTTP.

    python -m messaging.simulator --host 127.0.0.1 --port 8025

It is a process of its own and imports neither Django nor anything else of the product, so that
both sides can be wrong independently. It keeps what it accepted in memory until it ends.

Mitto's side: `POST /api/v1.1/Messages/send`, `POST /api/v1.1/Messages/sendmessagesbulk`,
`GET /api/v1.1/Messages/{messageId}`; delivery reports are posted to `SIM_REPORT_URL` in arrays of
up to 500, repeated until they are answered with a 2xx (so a report may come twice).

Ours: `POST /inbound` `{from, to, text}` or an array, which goes to `SIM_INBOUND_URL` as Mitto would
post it and is answered with what came back; `GET|POST /settings`, `GET /counts?prefix=+3069`
(`lost_replies` and `errors` count calls, not messages), `GET /accepted` (the destinations),
`POST /reset`, `GET /livez`.

One thing is our own convention, for Mitto documents none: an element refused by itself has in the
reply to a bulk `{trafficAccountId, errorCode, errorMessage}` without `messageId`; a single send is
refused with 400 and the same two fields.
"""
