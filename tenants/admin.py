"""Tenants, their members, and the people who may sign in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group, User
from django.db import models
from django.db.models import ManyToManyField, Model
from django.forms import ModelMultipleChoiceField
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from config.texts import StrOrPromise
from tenants import invitations, rights
from tenants.console import Guarded, MaskedColumns
from tenants.models import Member, Role, Tenant
from tenants.personal import mask

if TYPE_CHECKING:
    from typing import Generic, TypeVar

    M = TypeVar("M", bound=models.Model)

    class ModelAdmin(Guarded, admin.ModelAdmin[M], Generic[M]):
        """The base of this app's tables."""

    TabularInline = admin.TabularInline
    BaseUserAdmin = StockUserAdmin[User]
else:
    from unfold.admin import ModelAdmin as _ModelAdmin
    from unfold.admin import TabularInline as _TabularInline

    BaseUserAdmin = StockUserAdmin

    class ModelAdmin(Guarded, _ModelAdmin):
        """Unfold's, with the brackets the type checker wants."""

        __class_getitem__ = classmethod(lambda cls, item: cls)

    class TabularInline(_TabularInline):
        """Unfold's, with the brackets the type checker wants."""

        __class_getitem__ = classmethod(lambda cls, item: cls)


OWN_RIGHTS = ("is_staff", "is_active", "is_superuser", "groups", "user_permissions")
# The console's pages about a tenant, by the name of their list; this app knows no more of them.
ELSEWHERE = (
    ("integration", _("Integrations"), _("Add integration")),
    ("connection", _("Connections"), _("Add connection")),
)


@admin.display(description=_("User"))
def masked_user(member: Member) -> str:
    """The person, for who may not see who it is."""
    return str(mask(member.user.get_username()))


class MemberInline(MaskedColumns, TabularInline[Member, Tenant]):
    """A tenant's team."""

    model = Member
    fields = ("user", "role")
    masked = {"user": "masked_user"}
    masked_user = staticmethod(masked_user)
    autocomplete_fields = ("user",)
    extra = 0


@admin.register(Tenant)
class TenantAdmin(ModelAdmin[Tenant]):
    """Customer accounts. They are switched off, never deleted."""

    list_display = ("name", "timezone", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name",)
    fields: ClassVar[tuple[str, ...]] = ("name", "timezone", "is_active", "elsewhere")
    readonly_fields: ClassVar[tuple[str, ...]] = ("elsewhere",)
    inlines = (MemberInline,)
    actions_detail: ClassVar[tuple[str, ...]] = ("invite_member",)
    empty_text: StrOrPromise = _(
        "A tenant is a customer account. Add one, connect its two apps, then add an integration."
    )

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Everything hangs off a tenant; switching it off is enough."""
        return False

    @action(  # type: ignore[untyped-decorator]  # Unfold brings no types
        description=_("Invite a member"), url_path="invite", icon="person_add", permissions=["change"]
    )
    def invite_member(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whom and as what, then show the link, once."""
        tenant = self.get_object(request, object_id)
        if tenant is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request), "opts": self.opts,
            "title": gettext("Invite somebody to {tenant}").format(tenant=tenant.name),
            "back": reverse("admin:tenants_tenant_change", args=[tenant.pk]),
        }  # fmt: skip
        form = invitations.InviteForm(request.POST or None, initial={"role": Role.OWNER})
        if request.method == "POST" and form.is_valid():
            by = request.user if isinstance(request.user, User) else None
            offer, token = invitations.invite(tenant, form.cleaned_data["email"], form.cleaned_data["role"], by)
            context |= {"offer": offer, "link": invitations.link(token)}
            return TemplateResponse(request, "lockstep/invited.html", context)
        days = invitations.LIFETIME.days
        text = ngettext(
            "The link works once, for {days} day. You send it to the person yourself.",
            "The link works once, for {days} days. You send it to the person yourself.",
            days,
        )
        says = [text.format(days=days)]
        context |= {"form": form, "says": says, "verb": gettext("Create invite link"), "action_url": request.path}
        return TemplateResponse(request, "lockstep/confirm.html", context)

    @admin.display(description=_("More"))
    def elsewhere(self, tenant: Tenant) -> SafeString | str:
        """The tenant's other pages."""
        if tenant._state.adding:
            return gettext("Save first, then connect its apps.")
        rows = []
        for name, label, add in ELSEWHERE:
            rows.append((reverse(f"admin:integration_{name}_changelist"), "tenant__id__exact", tenant.pk, label))
            rows.append((reverse(f"admin:integration_{name}_add"), "tenant", tenant.pk, add))
        return format_html_join(" · ", '<a class="text-link" href="{}?{}={}">{}</a>', rows)


@admin.register(Member)
class MemberAdmin(ModelAdmin[Member]):
    """Who may act for which tenant."""

    list_display = ("user", "tenant", "role", "created_at")
    masked = {"user": "masked_user"}
    masked_user = staticmethod(masked_user)
    found_whole = ("user__username", "user__email")
    list_filter = ("role",)
    list_select_related = ("user", "tenant")
    search_fields = ("user__username", "user__email", "tenant__name")
    autocomplete_fields = ("user", "tenant")


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin[User]):
    """People who may sign in; staff may use the console."""

    personal = True
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_filter = ("is_staff", "is_superuser", "is_active")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """The same allow-list as everywhere."""
        return Guarded.lookup_allowed(self, lookup, value, request)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """Nobody changes their own rights; only a superuser gives somebody every right, or single ones."""
        fixed: tuple[str, ...] = () if request.user.is_superuser else ("is_superuser", "user_permissions")
        if obj is not None and obj.pk == request.user.pk:
            fixed = OWN_RIGHTS
        return (*super().get_readonly_fields(request, obj), *fixed)

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Model, Model], request: HttpRequest, **kwargs: Any
    ) -> ModelMultipleChoiceField[Model] | None:
        """A group that may more than oneself is not among the choices."""
        if db_field.name == "groups":
            kwargs["queryset"] = rights.groups_to_give(request.user)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody edits a person who may more: a new password would open their account."""
        return super().has_change_permission(request, obj) and self._reaches(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """The same for deleting one; nobody deletes themselves."""
        own = obj is not None and obj.pk == request.user.pk
        return super().has_delete_permission(request, obj) and not own and self._reaches(request, obj)

    def _reaches(self, request: HttpRequest, obj: Model | None) -> bool:
        return not isinstance(obj, User) or rights.reaches(request.user, obj)


@admin.register(Group)
class GroupAdmin(StockGroupAdmin, ModelAdmin[Group]):
    """Sets of permissions. Only a superuser changes them: everybody else could widen a group of their own."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers."""
        return super().has_add_permission(request) and request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Superusers; administrators look."""
        return super().has_change_permission(request, obj) and request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Superusers."""
        return super().has_delete_permission(request, obj) and request.user.is_superuser
