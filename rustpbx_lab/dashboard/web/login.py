"""Logins: users and passwords of a file, checked before anything listens."""

import asyncio
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import panel as pn
from bokeh.server.auth_provider import AuthProvider
from jinja2 import Environment
from panel.auth import AUTH_PROVIDERS, OAuthProvider
from tornado.web import RequestHandler

from rustpbx_lab.errors import ServerStartError, shorten

LOGIN, LOGOUT = "/login", "/logout"
TEMPLATE = Path(__file__).with_name("login.html")
"""The page to log in on: it needs nothing from another host."""
WRONG_LOGIN_S = 0.3
"""Wait of a wrong login, one after the other: some three guesses a second in all."""
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)
_TARGET = re.compile(r"/[!-\[\]-~]*")


def read_users(path: str | Path) -> dict[str, str]:
    """Return the users of a file, with their passwords.

    Args:
        path: A JSON object in UTF-8: a password for each user.

    Raises:
        ServerStartError: If the file cannot be read, or nobody could log in with it.
    """
    works = 'a file with {"NAME": "PASSWORD", …} works'
    try:
        users = orjson.loads(Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except OSError as exc:
        why = exc.strerror or str(exc)
    except orjson.JSONDecodeError:
        why = "not valid JSON in UTF-8"  # what is in there is not shown
    else:
        why = _why_not(users)
        if why is None:
            return users
    raise ServerStartError(
        f"cannot read the users of {shorten(str(path))}: {why}; {works}"
    )


def _why_not(users: object) -> str | None:
    """Return what is wrong with the content of a file of users."""
    if not isinstance(users, dict):
        return "not a JSON object"
    if not users:
        return "no users"
    for name, password in users.items():
        if not name:
            return "a user without a name"
        if not isinstance(password, str) or not password:
            return f"the password of {shorten(name)} is not a text"
    return None


class FileLogin(AuthProvider):
    """Users log in on a page with a name and a password.

    Args:
        users: A password for each user.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = dict(users)
        _need_cookie_secret()
        super().__init__()

    @property
    def get_user(self) -> Callable[[Any], Any]:
        """Returns who sent a request, None for someone who has not logged in."""
        return self._user_of

    @property
    def login_url(self) -> str:
        """Where users log in."""
        return LOGIN

    @property
    def logout_url(self) -> str:
        """Where users log out."""
        return LOGOUT

    @property
    def endpoints(self) -> list[Any]:
        """Both pages."""
        return [(LOGIN, _Login, {"users": self._users}), (LOGOUT, _Logout)]

    def _user_of(self, handler: RequestHandler) -> str | None:
        signed = handler.get_signed_cookie("user", max_age_days=pn.config.oauth_expiry)
        user = None if signed is None else signed.decode()
        return user if user in self._users else None


def oauth_login(options: Mapping[str, Any]) -> AuthProvider:
    """Return a login with another service.

    Args:
        options: Panel's ``oauth_…`` options.

    Raises:
        ServerStartError: If Panel has no such provider or option.
    """
    provider = options.get("oauth_provider")
    if provider not in AUTH_PROVIDERS:
        raise ServerStartError(
            f"cannot log in with OAuth: no provider {shorten(provider)}; "
            f"{', '.join(sorted(AUTH_PROVIDERS))} work"
        )
    for name in options:
        if not name.startswith("oauth_") or not hasattr(pn.config, name):
            raise ServerStartError(
                f"cannot log in with OAuth: no option {shorten(name)}; Panel's "
                "oauth_provider, oauth_key, oauth_secret and the like work"
            )
    _need_cookie_secret()
    for name, value in options.items():
        if value is not None:
            setattr(pn.config, name, value)
    return OAuthProvider(login_template=str(TEMPLATE))


def _need_cookie_secret() -> None:
    """Choose what cookies are signed with, unless the environment has."""
    if not pn.config.cookie_secret:
        setattr(pn.config, "cookie_secret", secrets.token_hex(32))  # noqa: B010


class _Login(RequestHandler):
    """The page to log in on."""

    _page = Environment(autoescape=True).from_string(TEMPLATE.read_text("utf-8"))

    def initialize(self, users: Mapping[str, str]) -> None:
        self._users = users

    def set_default_headers(self) -> None:
        """Keep the page out of caches and of pages elsewhere."""
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def get(self) -> None:
        """Show the page."""
        self._show("")

    async def post(self) -> None:
        """Log a user in, and go where that user wanted to."""
        name = self.get_body_argument("username", "", strip=False)
        password = self.get_body_argument("password", "", strip=False)
        if not self._is_right(name, password):
            await self._wait()
            self.set_status(401)
            self._show("wrong user name or password")
            return
        self.set_signed_cookie(
            "user",
            name,
            expires_days=pn.config.oauth_expiry,
            httponly=True,
            secure=self.request.protocol == "https",
            samesite="Lax",
        )
        self.redirect(self._target())

    def _is_right(self, name: str, password: str) -> bool:
        """Return whether a login is right, in a time that tells nothing."""
        wanted = self._users.get(name, "").encode()
        same = hmac.compare_digest(wanted, password.encode())
        return same and name in self._users

    async def _wait(self) -> None:
        """Make guessing slow, however many connections it uses."""
        settings = self.application.settings
        turn: asyncio.Lock = settings.setdefault("login_turn", asyncio.Lock())
        async with turn:
            await asyncio.sleep(WRONG_LOGIN_S)

    def _target(self) -> str:
        """Return where to go, relative to this page: a proxy may add a prefix."""
        wanted = self.get_argument("next", "")
        prefix = getattr(self.application, "prefix", "")
        if wanted.startswith(f"{prefix}/"):
            wanted = wanted.removeprefix(prefix)
        return f"./{wanted.lstrip('/')}" if _TARGET.fullmatch(wanted) else "./"

    def _show(self, problem: str) -> None:
        self.finish(
            self._page.render(
                login_endpoint=LOGIN,
                errormessage=problem,
                next=self.get_argument("next", ""),
            )
        )


class _Logout(RequestHandler):
    """Forgets who is logged in."""

    def get(self) -> None:
        """Go to the login page."""
        self.clear_cookie("user")
        self.redirect(f".{LOGIN}")
