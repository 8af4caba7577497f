"""What the simulated gateway accepted: a million messages fit in well under a gigabyte."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class Destination:
    phone: str
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    delivered: int = 0  # reported as such
    undelivered: int = 0


@dataclass(slots=True)
class Accepted:
    destination: Destination
    sender: str
    text: str
    created_at: datetime  # one object for all messages of a call, as is due_at
    due_at: datetime  # of the delivery report
    undelivered: bool

    @property
    def final_status(self) -> str:
        return "Failure" if self.undelivered else "Delivered"

    @property
    def description(self) -> str:
        return "Absent subscriber" if self.undelivered else "Delivered to handset"

    def count_report(self) -> None:
        if self.undelivered:
            self.destination.undelivered += 1
        else:
            self.destination.delivered += 1


class Ledger:
    def __init__(self) -> None:
        self._id_prefix = _new_id_prefix()
        self._messages: list[Accepted] = []
        self._destinations: dict[str, Destination] = {}
        # Hashes take a tenth of the texts' memory; among a million a collision is a matter of
        # one in ten million runs.
        self._seen: set[int] = set()
        # Calls, whosever messages they carried.
        self.lost_replies = 0
        self.errors = 0

    def __len__(self) -> int:
        return len(self._messages)

    def destination(self, phone: str) -> Destination:
        found = self._destinations.get(phone)
        if found is None:
            found = self._destinations[phone] = Destination(phone)
        return found

    def accept(self, message: Accepted) -> str:
        """Returns the new message's id."""
        destination = message.destination
        destination.accepted += 1
        fingerprint = hash((destination.phone, message.text))
        if fingerprint in self._seen:
            destination.duplicates += 1
        self._seen.add(fingerprint)
        self._messages.append(message)
        return self.id_of(len(self._messages) - 1)

    def id_of(self, index: int) -> str:
        return f"{self._id_prefix}{index:012x}"

    def find(self, message_id: str) -> Accepted | None:
        digits = message_id.removeprefix(self._id_prefix)
        try:
            index = int(digits, 16)
        except ValueError:
            return None
        # int() also takes signs, underscores and other digits: only our own spelling counts.
        if not 0 <= index < len(self._messages) or self.id_of(index) != message_id:
            return None
        return self._messages[index]

    def slice(self, first: int, stop: int) -> Iterator[tuple[str, Accepted]]:
        for index in range(first, stop):
            yield self.id_of(index), self._messages[index]

    def counts(self, prefix: str) -> dict[str, int]:
        chosen = [one for one in self._destinations.values() if one.phone.startswith(prefix)]
        return {
            "accepted": sum(one.accepted for one in chosen),
            "destinations": sum(one.accepted > 0 for one in chosen),
            "max_per_destination": max((one.accepted for one in chosen), default=0),
            "duplicates": sum(one.duplicates for one in chosen),
            "refused": sum(one.refused for one in chosen),
            "delivered": sum(one.delivered for one in chosen),
            "undelivered": sum(one.undelivered for one in chosen),
            "lost_replies": self.lost_replies,
            "errors": self.errors,
        }

    def accepted(self) -> list[str]:
        """The destinations that were sent something, each once."""
        return [one.phone for one in self._destinations.values() if one.accepted]

    def clear(self) -> None:
        """Ids given out before are unknown afterwards."""
        self._id_prefix = _new_id_prefix()
        self._messages.clear()
        self._destinations.clear()
        self._seen.clear()
        self.lost_replies = self.errors = 0


def _new_id_prefix() -> str:
    """All but the last group of a UUID, as Mitto's ids look; the index makes the last."""
    return str(uuid.uuid4())[:24]
