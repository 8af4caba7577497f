"""Made-up contacts for the demo and the benchmarks.

Their phones all begin with +30694, the range that the simulated gateway is watched on.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

SHIPPED: Final = Path(__file__).parent / "samples" / "contacts.csv"  # a few rows are bad
MAX_CONTACTS: Final = 10_000_000
HEADER: Final = "phone,email,first_name,last_name,gender,birthday,attributes.city\n"

_WOMEN = (
    ("Μαρία", "Maria"),
    ("Ελένη", "Eleni"),
    ("Κατερίνα", "Katerina"),
    ("Βασιλική", "Vasiliki"),
    ("Σοφία", "Sofia"),
    ("Αγγελική", "Angeliki"),
    ("Γεωργία", "Georgia"),
    ("Δήμητρα", "Dimitra"),
    ("Ιωάννα", "Ioanna"),
    ("Χρυσούλα", "Chrysoula"),
    ("Φωτεινή", "Foteini"),
)
_MEN = (
    ("Γιώργος", "Giorgos"),
    ("Δημήτρης", "Dimitris"),
    ("Νίκος", "Nikos"),
    ("Κώστας", "Kostas"),
    ("Γιάννης", "Giannis"),
    ("Παναγιώτης", "Panagiotis"),
    ("Χρήστος", "Christos"),
    ("Βασίλης", "Vasilis"),
    ("Θανάσης", "Thanasis"),
    ("Σπύρος", "Spyros"),
    ("Μιχάλης", "Michalis"),
)
# As women and as men bear them, and in Latin letters.
_FAMILIES = (
    ("Παπαδοπούλου", "Παπαδόπουλος", "Papadopoulou", "Papadopoulos"),
    ("Βλάχου", "Βλάχος", "Vlachou", "Vlachos"),
    ("Αγγελοπούλου", "Αγγελόπουλος", "Angelopoulou", "Angelopoulos"),
    ("Νικολαΐδου", "Νικολαΐδης", "Nikolaidou", "Nikolaidis"),
    ("Γεωργίου", "Γεωργίου", "Georgiou", "Georgiou"),
    ("Παππά", "Παππάς", "Pappa", "Pappas"),
    ("Οικονόμου", "Οικονόμου", "Oikonomou", "Oikonomou"),
    ("Καραγιάννη", "Καραγιάννης", "Karagianni", "Karagiannis"),
    ("Μακρή", "Μακρής", "Makri", "Makris"),
    ("Αντωνίου", "Αντωνίου", "Antoniou", "Antoniou"),
    ("Δημητρίου", "Δημητρίου", "Dimitriou", "Dimitriou"),
    ("Αλεξίου", "Αλεξίου", "Alexiou", "Alexiou"),
    ("Σταματοπούλου", "Σταματόπουλος", "Stamatopoulou", "Stamatopoulos"),
)
_CITIES = (
    "Αθήνα",
    "Θεσσαλονίκη",
    "Πάτρα",
    "Ηράκλειο",
    "Λάρισα",
    "Βόλος",
    "Ιωάννινα",
    "Χανιά",
    "Καβάλα",
    "Καλαμάτα",
    "Ρόδος",
    "Σέρρες",
    "Χαλκίδα",
    "Τρίκαλα",
    "Κέρκυρα",
    "Ξάνθη",
    "",
)
_FIRST_BIRTHDAY = date(1950, 1, 1)
_DAYS_OF_BIRTH = 20_089  # a prime: up to the end of 2004


def write_sample(path: Path, contacts: int) -> None:
    """A CSV file of so many good rows, no phone twice; the same each time."""
    if contacts > MAX_CONTACTS:
        raise ValueError(f"There are {MAX_CONTACTS} numbers behind +30694.")
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER)
        file.writelines(_rows(contacts))


def _rows(contacts: int) -> Iterator[str]:
    for index in range(contacts):
        # A factor without 2 and 5 in it meets every seven-digit number once.
        yield _row(index, number=(1_204_817 + index * 7_654_321) % MAX_CONTACTS)


def _row(index: int, *, number: int) -> str:
    is_woman, is_greek = index % 2 == 0, index % 5 < 3
    first = (_WOMEN if is_woman else _MEN)[index % 11]
    family = _FAMILIES[index % 13]
    greek, latin = family[::2] if is_woman else family[1::2]
    born = _FIRST_BIRTHDAY + timedelta(days=index * 7_919 % _DAYS_OF_BIRTH)
    return ",".join(
        (
            _phone(index, number),
            "" if index % 4 == 3 else f"{first[1]}.{latin}{index}@example.com".lower(),
            first[0 if is_greek else 1],
            greek if is_greek else latin,
            "" if index % 10 == 9 else "female" if is_woman else "male",
            "" if index % 7 == 6 else born.isoformat() if index % 3 else f"{born:%d/%m/%Y}",
            _CITIES[index % 17] + "\n",
        )
    )


def _phone(index: int, number: int) -> str:
    """The number in one of the ways in which people write it."""
    digits = f"{number:07d}"
    if index % 4 == 0:
        return f"694{digits}"
    if index % 4 == 1:
        return f"+30 694 {digits[:3]} {digits[3:]}"
    if index % 4 == 2:
        return f"0030694{digits}"
    return f"+30694{digits}"
