"""nfc/scans/"""

from rest_framework import mixins

from accounts.pagination import NewestFirst
from accounts.viewsets import BusinessViewSet
from nfc.filters import ScanFilter
from nfc.models import Scan
from nfc.serializers import ScanSerializer


class ScanViewSet(mixins.ListModelMixin, BusinessViewSet[Scan]):
    """What happened by the business's tags, newest first."""

    queryset = Scan.objects.all()
    serializer_class = ScanSerializer
    filterset_class = ScanFilter
    pagination_class = NewestFirst
