"""The adapter under test and what it sends."""

from messaging.gateways.base import OutgoingSms
from messaging.gateways.mitto import MittoGateway

PHONE = "+306940000001"


def make_gateway(base_url: object, *, key: str = "", deadline: float = 30) -> MittoGateway:
    return MittoGateway(
        base_url=str(base_url), api_key=key, traffic_account_id="acc", deadline=deadline
    )


def make_sms(destination: str = PHONE, text: str = "Γειά 😀", sender: str = "Shop") -> OutgoingSms:
    return OutgoingSms("ref", destination, sender, text)
