from rest_framework.routers import SimpleRouter

from contacts.views.contacts import ContactViewSet
from contacts.views.imports import ImportViewSet
from contacts.views.lists import ContactListViewSet

router = SimpleRouter()
# Before contacts, whose detail would else be looked for under "imports".
router.register("contacts/imports", ImportViewSet, basename="contact-import")
router.register("contacts", ContactViewSet, basename="contact")
router.register("lists", ContactListViewSet, basename="list")

urlpatterns = router.urls
