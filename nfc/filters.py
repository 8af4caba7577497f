"""What tags and scans can be searched by."""

from typing import Final

from django_filters import rest_framework as filters

from nfc.models import Scan, Tag

_ID: Final = {"min_value": 1, "max_value": 2**63 - 1, "decimal_places": 0}


class TagFilter(filters.FilterSet):  # type: ignore[misc]
    q = filters.CharFilter("label", "icontains", label="Part of the label.")
    type = filters.ChoiceFilter(choices=Tag.Type.choices)
    status = filters.MultipleChoiceFilter(choices=Tag.Status.choices)

    class Meta:
        model = Tag
        fields: tuple[str, ...] = ()


class ScanFilter(filters.FilterSet):  # type: ignore[misc]
    tag = filters.NumberFilter("tag", label="Of the tag with this id.", **_ID)
    kind = filters.MultipleChoiceFilter(choices=Scan.Kind.choices)
    contact = filters.NumberFilter("contact", label="Of the contact with this id.", **_ID)
    is_test = filters.BooleanFilter("is_test")

    class Meta:
        model = Scan
        fields: tuple[str, ...] = ()
