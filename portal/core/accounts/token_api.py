"""REST tokens for a name and a password. A login that owes a second factor or a new password gets none here."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask_appbuilder.api import expose
from flask_appbuilder.security import api
from flask_babel import gettext
from flask_jwt_extended import create_access_token, create_refresh_token, get_jwt, get_jwt_identity, jwt_required

from portal.core.accounts import sessions, signing_in
from portal.core.accounts.events import Way
from portal.core.errors import PortalError


class SecurityApi(api.SecurityApi):
    """FAB's endpoint; the class keeps its name, which is the endpoint's."""

    @expose("/login", methods=["POST"])
    def login(self) -> Any:
        """A token for REST
        ---
        post:
          summary: Sign in with a name and a password; API keys need neither
          requestBody:
            required: true
            content:
              application/json:
                schema:
                  type: object
                  properties:
                    username: {type: string}
                    password: {type: string}
                    refresh: {type: boolean, description: whether to give a refresh token too}
          responses:
            200: {description: the token}
            400: {$ref: '#/components/responses/400'}
            401: {$ref: '#/components/responses/401'}
        """
        body = request.get_json(silent=True)
        given = body if isinstance(body, dict) else {}
        name, password = given.get("username"), given.get("password")
        if not (isinstance(name, str) and isinstance(password, str) and name and password):
            raise PortalError(gettext("The request needs a JSON object with username and password."))
        user, way = signing_in.by_password(name, password)
        if signing_in.owed(user, way):
            raise signing_in.NotSignedIn(
                gettext("This login has to do more than name a password: sign in on the screen, or use an API key.")
            )
        user_id = user.id
        token = sessions.begin(user_id, Way.TOKEN, idle_minutes=int(sessions.lifetime().total_seconds() // 60))
        signing_in.entered(user, way)
        claims = {"sid": token}
        found = {"access_token": create_access_token(str(user_id), fresh=True, additional_claims=claims)}
        if given.get("refresh") is True:
            found["refresh_token"] = create_refresh_token(str(user_id), additional_claims=claims)
        return jsonify(found)

    @expose("/refresh", methods=["POST"])
    @jwt_required(refresh=True)
    def refresh(self) -> Any:
        """Another token for REST
        ---
        post:
          summary: A new token for a refresh token, while its session lasts
          responses:
            200: {description: the token}
            401: {$ref: '#/components/responses/401'}
          security:
            - jwt_refresh: []
        """
        claims = {"sid": get_jwt().get("sid", "")}
        return jsonify(access_token=create_access_token(get_jwt_identity(), fresh=False, additional_claims=claims))
