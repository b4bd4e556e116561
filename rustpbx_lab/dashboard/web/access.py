"""Access to the pages: hosts, addresses, logins and operators."""

import logging
import os
import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import panel as pn
from bokeh.server.auth_provider import AuthProvider
from tornado.process import task_id

from rustpbx_lab.client.incoming.host_policy import (
    ALLOW_HOSTS_VARIABLE,
    Authority,
    HostPolicy,
    Pages,
    split_hosts,
)
from rustpbx_lab.errors import NotAllowedError, ServerStartError, shorten

from .login import FileLogin, oauth_login, read_users

logger = logging.getLogger(__name__)

BOKEH_ORIGINS_VARIABLE = "BOKEH_ALLOW_WS_ORIGIN"
"""Hosts of pages, as Bokeh's own servers read them."""
UNIX_SOCKET_IP = "0.0.0.0"
"""What Tornado calls a client that came through a Unix socket."""


def page_policy(
    address: str,
    allow_hosts: Collection[str] = (),
    remedy: str = "start it with --allow-host {name}",
) -> HostPolicy:
    """Return whose requests the pages answer.

    Args:
        address: What is listened on.
        allow_hosts: Further names; those of the environment are added.
        remedy: What a refusal advises.

    Raises:
        ServerStartError: If a name is malformed.
    """
    variables = (ALLOW_HOSTS_VARIABLE, BOKEH_ORIGINS_VARIABLE)
    named = [name for v in variables for name in split_hosts(os.environ.get(v))]
    return HostPolicy(
        address,
        [*allow_hosts, *named],
        pages=Pages.OWN,
        server="the dashboard",
        remedy=remedy,
    )


def page_login(
    basic_auth: str | Path | Mapping[str, str] | None,
    oauth: Mapping[str, Any] | None,
    operators: Collection[str] | None = None,
) -> AuthProvider | None:
    """Return who has to log in, and how; None if nobody has to.

    Args:
        basic_auth: File of users, or the users with their passwords.
        oauth: Panel's ``oauth_…`` options.
        operators: Those who may send commands; they must be users, if users are given.

    Raises:
        ServerStartError: If there are no such users, or no such option.
    """
    if basic_auth is not None and oauth is not None:
        raise ServerStartError(
            "cannot log in in two ways: give basic_auth or oauth, not both"
        )
    if basic_auth is not None:
        is_given = isinstance(basic_auth, Mapping)
        users = basic_auth if is_given else read_users(basic_auth)
        unknown = sorted(set(operators or ()) - set(users))
        if unknown:
            raise ServerStartError(
                f"cannot let {shorten(unknown[0])} send commands: not one of the "
                f"users; {', '.join(map(shorten, users))} can be named"
            )
        return FileLogin(users)
    return None if oauth is None else oauth_login(oauth)


def page_prefix(prefix: str) -> str:
    """Return a path that begins with a slash and ends without one; or nothing.

    Raises:
        ServerStartError: If it is not a path.
    """
    path = prefix.strip("/")
    if path and not re.fullmatch(r"[\w.~-]+(/[\w.~-]+)*", path, re.ASCII):
        raise ServerStartError(
            f"cannot serve under {shorten(prefix)}: not a path; /NAME works"
        )
    return f"/{path}" if path else ""


def check_address(address: str, has_login: bool) -> None:
    """Refuse an address that others can reach while nobody has to log in.

    Raises:
        NotAllowedError: With what would work.
    """
    if has_login or is_loopback(address):
        return
    raise NotAllowedError(
        f"cannot serve on {address!r}: others could reach it and anyone could send "
        "commands; give --basic-auth FILE or --oauth-provider, or serve on 127.0.0.1"
    )


def is_loopback(address: str) -> bool:
    """Whether only this host can reach an address."""
    return Authority(address.lower()).is_loopback


def operator_names(text: str, given_as: str) -> list[str]:
    """Return the operators of a comma-separated list.

    Args:
        text: The list.
        given_as: Option or variable that it comes from, for the error.

    Raises:
        ServerStartError: If a name is empty: it is not clear whether nobody is meant,
            or everybody.
    """
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise ServerStartError(
            f"cannot tell who may send commands: {given_as} is {text!r}, with an empty "
            f"name; NAME,NAME works, and without {given_as} everybody who gets in may"
        )
    return names


def why_not_served() -> str | None:
    """Return why a session of ``panel serve`` gets no page, None if it gets one.

    Panel's own server checks no ``Host``: a page elsewhere whose name resolves to this
    machine would get what it asks for. A session is made from a request, so it can be
    checked here.

    Raises:
        ServerStartError: If a host in the environment is malformed.
    """
    if task_id() is not None:
        return (
            "not served: this is one of several processes, each with calls of its own, "
            "so calls would appear and vanish; serve with --num-procs 1"
        )
    context: Any = pn.state.curdoc.session_context if pn.state.curdoc else None
    request: Any = None if context is None else context.request
    if request is None:  # made by the server itself, such as to warm it up
        return None
    # not the headers of the session: they are what the client put in its token
    sent = {"Host": [request.host]}
    why = _environment_policy().refusal("/", lambda name: sent.get(name, []))
    if why is not None:
        return why
    client = request.remote_ip or UNIX_SOCKET_IP
    if client == UNIX_SOCKET_IP or is_loopback(client) or pn.state.user:
        return None
    return (
        "not served to other machines without a login: anyone could send commands; "
        "serve with --address 127.0.0.1, or with --basic-auth FILE"
    )


@cache
def _environment_policy() -> HostPolicy:
    """Return the policy of a server whose options are not ours; it logs once a name."""
    return page_policy("127.0.0.1", remedy=f"set {ALLOW_HOSTS_VARIABLE}={{name}}")
